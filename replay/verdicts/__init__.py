"""Thousands of settings at once: vectorised where the rule allows it, by the engine where it does not."""
