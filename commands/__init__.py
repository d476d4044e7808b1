"""The commands, a file for each room they ask; `cli.py` puts them together. Each parses, asks the library, prints.

Everything heavy is imported by the command that needs it, so that `--help` answers at once.
"""
