"""The attacks of `attack.py`, one file a kind."""
