"""The command line, ``emotion-api``: a file for each command.

``commands`` imports little, so that ``--help`` answers at once; the rest is imported when a command
runs.
"""

from entrypoints.cli.commands import app, main

__all__ = ["app", "main"]
