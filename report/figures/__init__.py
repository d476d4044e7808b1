"""Figures for papers and slides: info values drawn with matplotlib, light or dark, as a Figure or as a file.

Draws what infos say and decides nothing. Neither pyplot nor the user's rcParams are used: every property is given.
"""
