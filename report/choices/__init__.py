"""The pages of many runs under many choices: sweeps of settings, and stopping rules side by side.

What every choice comes to for every run was replayed before; the pages look it up. Each part is an info value first
(numbers and words), then what the program of the page needs of it, then the template.
"""
