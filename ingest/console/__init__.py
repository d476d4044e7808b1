"""What Keras printed while it trained, read back: from pieces of text to bars and messages, and from these to fits."""
