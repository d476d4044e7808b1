"""The pen of pages: values of `drawing` as inline SVG, with classes instead of style attributes, every text escaped."""
