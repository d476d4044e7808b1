"""Recording + callbacks -> Replay. Imports no pandas, click, matplotlib or tensorboard."""
