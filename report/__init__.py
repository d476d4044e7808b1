"""Replay -> text, tables, figures and pages. Decides nothing."""
