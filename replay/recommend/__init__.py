"""Which setting to use, judged on the runs one has: chosen, checked on runs left out, or refused with the reason."""
