"""The page of choices: settings of a sweep, or stopping rules side by side, on many runs.

What every choice comes to for every run was replayed before; the page looks it up. `frame` is the page, whose views
`sweep` and `compare` fill; `encoding` is what its program needs.
"""
