"""The command line, ``emotion-api``.

``commands`` has the commands with their options, ``accounts`` and ``models`` those of the two
groups. Most have their work in a file of their own, such as ``detect``; other files are what
several share. ``commands`` imports little, so that ``--help`` answers at once; the rest is imported
when a command runs.
"""

from entrypoints.cli.commands import app, main

__all__ = ["app", "main"]
