"""``python -m entrypoints.cli`` does what ``emotion-api`` does."""

from entrypoints.cli import main

if __name__ == "__main__":
    main()
