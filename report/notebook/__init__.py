"""Results in a notebook: static charts and short tables without any program, and the explainer in a frame."""
