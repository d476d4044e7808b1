"""What is drawn, as values of numbers and words: the plane of saving and regret, the grid, strips, curves and axes.

Two pens draw a value: `figures` with matplotlib, `svg` as inline SVG for pages. Neither decides anything.
"""
