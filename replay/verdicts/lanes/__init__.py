"""Every setting on many fits at once: lanes of NumPy, equal to the engine lane by lane."""
