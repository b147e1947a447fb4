"""``emotion-api watch``: a camera at a terminal. Nothing is stored except with ``--out``."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from rich.table import Table
from rich.text import Text

from application.use_cases.watch_camera import WatchSummary
from domain.errors import InvalidRequest
from domain.session import TrackedFace
from domain.video import AnalysedFrame
from domain.wording import leading, percent
from entrypoints.cli import tables
from entrypoints.cli.console import console, errors, reason_of, shown
from entrypoints.cli.videos import face_cells, on_a_clock
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.wire import frame_table

_LINE_EVERY_S = 1.0


async def watch_camera(
    settings: Settings, source: str, *, every_s: float, out: Path | None
) -> None:
    """Print what a camera shows, a line a second, until Ctrl-C; then a summary.

    Args:
        settings: which detector and classifier run.
        source: the number of a device, or an address that begins with ``rtsp://``.
        every_s: seconds between two analysed frames, at least.
        out: where each analysed frame goes as JSON lines, added at the end; None for nowhere.

    Raises:
        OSError: the source is not a camera, or the file cannot be written.
    """
    container = Container(settings=settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    errors.print("Ctrl-C ends it.", style="dim")
    file = None
    if out is not None:  # Each line is in it as soon as it is written.
        file = await asyncio.to_thread(out.open, "ab", buffering=0)
    listener = _Printing(file, stop)
    try:
        watch = container.video().watch_camera()
        summary = await watch.execute(source, listener, every_s=every_s, stop=stop)
    except InvalidRequest as error:
        raise OSError(str(error)) from error
    finally:
        if file is not None:
            await asyncio.to_thread(file.close)
        container.vision().executor().close()
    watched = on_a_clock(summary.duration_s)
    print(f"{watched} watched, {summary.frames} frames analysed")  # whole, however narrow the table
    console().print(_as_table(summary))
    if listener.unwritten is not None:
        raise OSError(f"{shown(out)} cannot be written: {reason_of(listener.unwritten)}")


class _Printing:
    """Prints a line per second, and writes every frame.

    Attributes:
        unwritten: why a frame could not be written, which ends the watching; None if all were.
    """

    def __init__(self, file: FileIO | None, stop: asyncio.Event) -> None:
        self.unwritten: OSError | None = None
        self._stop = stop
        self._file = file
        self._printed_s = -_LINE_EVERY_S

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame is done."""
        if self._file is not None and self.unwritten is None:
            try:
                lines = frame_table.json_lines([frame])
                written = await asyncio.to_thread(self._file.write, lines)
                if written < len(lines):  # there was room for a part
                    await asyncio.to_thread(self._file.write, lines[written:])
            except OSError as error:
                self.unwritten = error
                self._stop.set()
        if frame.time_s - self._printed_s >= _LINE_EVERY_S:
            self._printed_s = frame.time_s
            said = ", ".join(_in_words(frame.faces)) or "no face"
            print(f"{on_a_clock(frame.time_s)}  {said}", flush=True)

    async def lost(self, error: OSError, pause_s: float) -> None:
        """The camera does not answer."""
        why = shown(re.sub(r"//[^/\s]*@", "//", reason_of(error)))  # without a password
        print(f"the camera: {why}; again in {pause_s:.0f} s", file=sys.stderr, flush=True)


def _in_words(faces: Sequence[TrackedFace]) -> list[str]:
    said = []
    for face in faces:
        scores = face.reading.scores
        doubt = "" if face.reading.reliable else "?"
        said.append(
            f"{face.track.track_id} {leading(scores)}{doubt} {percent(scores[scores.dominant])}"
        )
    return said


def _as_table(summary: WatchSummary) -> Table:
    table = tables.columns("face", "seen", "frames", "shows", right=("frames",))
    for face in summary.tracks:
        table.add_row(*face_cells(face))
    if not summary.tracks:
        table.add_row(Text("no face", style="dim"))
    return table
