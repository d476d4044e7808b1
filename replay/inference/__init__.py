"""Which settings a recording is consistent with: ranges per argument and per version of Keras."""
