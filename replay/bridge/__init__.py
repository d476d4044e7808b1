"""Real Keras callbacks, and the user's own, driven over a recording. Imports Keras only when one of them is started."""
