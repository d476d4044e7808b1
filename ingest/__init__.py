"""Log files -> Recordings -> store. Knows nothing of callbacks."""
