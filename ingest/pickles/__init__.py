"""Pickles as inert data: what they hold, without importing or calling anything that they name."""
