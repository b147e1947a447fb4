"""The command line, ``emotion-api``.

``commands`` has the commands with their options, ``accounts`` and ``models`` those of the two
groups. Most have their work in a file of their own, such as ``detect``; other files are what
several share. ``commands`` imports little, so that ``--help`` answers at once; the rest is imported
when a command runs.
"""

import os
import signal
import sys

_INTERRUPTED = 130  # as typer exits at Ctrl-C


def main() -> None:
    """Run the command line.

    A signal ends it without a traceback while it still imports what could handle it. Of the service
    nothing is lost until it is ready, so it exits with 0 as it does later; as the first process of
    a container it would not hear SIGTERM at all without a handler.
    """
    is_service = sys.argv[1:2] == ["serve"]
    names = ("SIGINT", "SIGTERM", "SIGHUP") if is_service else ("SIGINT",)
    status = 0 if is_service else _INTERRUPTED
    before = {}
    for name in names:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            # Exceptions would do for most of the time, but some are lost within callbacks.
            before[number] = signal.signal(number, lambda *_: os._exit(status))
    from entrypoints.cli.commands import run

    if not is_service:
        for number, handler in before.items():
            signal.signal(number, handler)
    run()
