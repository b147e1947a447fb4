"""Recorded video on the command line: a table of its faces, and its frames as CSV."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from application.errors import ServiceUnavailable
from application.ports.video_annotator import VideoAnnotator
from application.ports.video_reader import VideoFacts
from application.use_cases.analyse_video import AnalyseVideo, VideoSummary
from application.videos.faces_over_time import FacesOverTime
from domain.errors import DomainError
from domain.session import TrackSummary
from domain.video import AnalysedFrame, Sampling, UnreadablePart
from entrypoints.cli import tables
from entrypoints.cli.console import errors, reason_of, shown
from entrypoints.cli.outputs import Outcome, draft_of, names_among, replace_by
from entrypoints.container import Container
from entrypoints.wire import frame_table, sessions

_NAMED_EMOTIONS = 3


async def analyse_videos(
    container: Container,
    videos: Sequence[Path],
    *,
    every_s: float,
    csv: Mapping[Path, Path],
    copies: Mapping[Path, Path],
) -> AsyncGenerator[Outcome[VideoSummary]]:
    """Analyse videos one after the other, with a bar that shows speed and time left.

    Tables and copies have their names once they are whole. What there is of a table is kept
    beside, under a name that ends in ``.part``.

    Args:
        container: of the service.
        videos: files.
        every_s: seconds between two analysed frames.
        csv: where the frames of each video go as a table, for those that get one.
        copies: where each drawn copy goes, for those that get one.
    """
    if not videos:
        return
    use_case, annotator = container.video().analyse_video(), container.video().video_annotator()
    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as bars:
        for video in videos:
            with _VideoProgress(bars, video, csv.get(video), video in copies) as progress:
                outcome = await _analyse(use_case, video, every_s, progress)
                if outcome.found is not None and video in copies:
                    outcome = await _draw_copy(annotator, outcome, copies[video], progress)
            yield outcome


async def _analyse(
    use_case: AnalyseVideo, video: Path, every_s: float, progress: _VideoProgress
) -> Outcome[VideoSummary]:
    found = None
    try:
        found = await use_case.execute(video, Sampling(every_s), progress)
        progress.finish_table()
    except (DomainError, ServiceUnavailable, OSError) as error:
        return Outcome(video, found, error=reason_of(error))
    return Outcome(video, found)


async def _draw_copy(
    annotator: VideoAnnotator, outcome: Outcome[VideoSummary], copy: Path, progress: _VideoProgress
) -> Outcome[VideoSummary]:
    try:
        faces = FacesOverTime(progress.frames)
        draft = draft_of(copy, copy.suffix)
        try:
            await annotator.annotate(outcome.file, draft, faces.at, progress.drawn)
            replace_by(draft, copy)
        except BaseException:
            if draft != copy:
                draft.unlink(missing_ok=True)
            raise
    except (DomainError, OSError) as error:
        why = f"no copy could be drawn at {copy}: {reason_of(error)}"
        return replace(outcome, error=f"{outcome.error}; {why}" if outcome.error else why)
    return replace(outcome, copy=copy)


class _VideoProgress:
    """Shows the progress of a video, and writes its frames as they come."""

    def __init__(self, bars: Progress, video: Path, table: Path | None, keeps_frames: bool) -> None:
        self.frames: list[AnalysedFrame] = []
        self._keeps_frames = keeps_frames
        self._bars = bars
        self._task = bars.add_task("", name=shown(video.name), speed="", total=None)
        self._video = video
        self._reached_s = 0.0
        self._table = table
        self._draft: Path | None = None
        self._file: TextIO | None = None
        self._started_s = 0.0

    def __enter__(self) -> _VideoProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.remove_task(self._task)
        if self._file is None or self._draft is None:
            return
        # If that fails, the video failed before, and that is what is told.
        with suppress(OSError):
            self._file.close()
            errors.print(
                f"{shown(self._video)}: its frames until {on_a_clock(self._reached_s)} are in "
                f"{shown(self._draft)}",
                style="dim",
                soft_wrap=True,
            )

    async def opened(self, facts: VideoFacts) -> None:
        """The video can be read, so it gets its table."""
        if self._table is not None:
            with _naming(self._table):
                self._draft = draft_of(self._table)
                self._file = self._draft.open("w", encoding="utf-8", newline="")
                self._file.write(frame_table.header())
        self._started_s = self._bars.get_time()
        self._bars.update(self._task, total=facts.duration_s)

    async def analysed(self, frame: AnalysedFrame) -> None:
        """The next frame is done."""
        self._reached_s = frame.time_s
        taken_s = max(self._bars.get_time() - self._started_s, 1e-3)
        speed = f"{frame.time_s / taken_s:.0f} times its pace"
        self._bars.update(self._task, completed=frame.time_s, speed=speed)
        if self._keeps_frames:
            self.frames.append(replace(frame, found=()))  # only what is drawn, to save memory
        if self._table is not None and self._file is not None:
            with _naming(self._table):
                await asyncio.to_thread(self._file.write, frame_table.csv_lines([frame]))

    async def unreadable(self, part: UnreadablePart) -> None:
        """A stretch cannot be read; it is shown at the end."""

    def finish_table(self) -> None:
        """Write what is left of the table, and give it its name.

        Raises:
            OSError: it cannot be written, as on a full disk.
        """
        if self._table is not None and self._draft is not None and self._file is not None:
            with _naming(self._table):
                self._file.flush()
                self._file.close()
                replace_by(self._draft, self._table)
                self._draft = None

    def drawn(self, time_s: float) -> None:
        """The copy is drawn up to this time."""
        self._bars.update(self._task, completed=time_s, speed="drawing")


@contextmanager
def _naming(table: Path) -> Iterator[None]:
    """Name the table in errors of the system."""
    try:
        yield
    except OSError as error:
        why = f"no table could be written at {table}: {reason_of(error)}"
        raise OSError(error.errno, why) from error


def video_as_json(outcome: Outcome[VideoSummary]) -> dict[str, object]:
    """A video in the form of a session's summary."""
    summary = outcome.found
    if summary is None:
        return {"filename": str(outcome.file), "status": "error", "error": outcome.error}
    return {
        "filename": str(outcome.file),
        "status": "completed",
        "kind": "video",
        "width": summary.facts.width,
        "height": summary.facts.height,
        "duration": summary.facts.duration_s,
        "frames_analysed": summary.frames,
        "tracks": [msgspec.to_builtins(sessions.present_track(face)) for face in summary.tracks],
        "unreadable": [{"from": d.from_s, "to": d.to_s} for d in summary.unreadable_parts],
        "truncated": summary.truncated,
    }


def videos_as_table(outcomes: Sequence[Outcome[VideoSummary]]) -> Table:
    """A line for each face of each video."""
    table = tables.columns("video", "face", "seen", "frames", "shows", right=("frames",))
    names = names_among([outcome.file for outcome in outcomes])
    for outcome in outcomes:
        name = Text(shown(names[outcome.file]))
        if outcome.found is None:
            table.add_row(name, Text("error", style="red"))
        elif not outcome.found.tracks:
            table.add_row(name, Text("no face", style="dim"))
        else:
            for face in outcome.found.tracks:
                table.add_row(name, *face_cells(face))
                name = Text("")
    return table


def unreadable_in_words(part: UnreadablePart) -> str:
    """A stretch of a video that cannot be read."""
    end = "its end" if part.to_s is None else on_a_clock(part.to_s)
    return f"from {on_a_clock(part.from_s)} to {end} it cannot be read"


def face_cells(face: TrackSummary) -> tuple[Text, ...]:
    """One face in a table: its name, when it was seen, in how many frames, and what it shows."""
    named = face.time_share.ranked()[:_NAMED_EMOTIONS]
    shows = ", ".join(f"{emotion} {share:.0%}" for emotion, share in named if share >= 0.005)
    seen = f"{on_a_clock(face.first_seen_s)} – {on_a_clock(face.last_seen_s)}"
    return Text(face.track_id), Text(seen), Text(str(face.frames)), Text(shows)


def on_a_clock(seconds: float) -> str:
    """Seconds as ``1:05.2``."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
