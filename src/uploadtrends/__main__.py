"""The command line, as ``python -m uploadtrends``."""

from uploadtrends.cli import main

if __name__ == "__main__":
    main()
