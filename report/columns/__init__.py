"""Every column of every table, declared once: terminals, JSON, CSV, Markdown, pages and notebooks take it from here."""
