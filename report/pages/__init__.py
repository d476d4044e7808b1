"""What every HTML page has in common: one file, its own policy, one data block, one program."""
