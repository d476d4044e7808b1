"""How far the engine agrees with real Keras: recorded golden cases, and random ones through the Keras installed."""
