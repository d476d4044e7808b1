"""`python -m kcb_replay`."""

from kcb_replay.cli import main

if __name__ == "__main__":
    main()
