"""The languages that pages speak: one catalogue file each."""
