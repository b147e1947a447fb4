"""Reads fake videos: lines of text with a time and a fake image."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from adapters.in_memory.controllable import Controllable
from adapters.in_memory.images import Scene
from application.ports.video_reader import OpenVideo, VideoFacts, VideoFrame
from domain.errors import InvalidVideo, VideoTooLarge
from domain.image import Image
from domain.video import MAX_VIDEO_FRAME_SIZE, UnreadablePart

_FIRST_LINE = b"video\n"
_CUT = b"cut\n"
_DAMAGE = b"damage\n"
_END = b"end "


def fake_video(
    frames: Iterable[tuple[float, bytes] | None],
    *,
    cut_at: float | None = None,
    end_s: float | None = None,
) -> bytes:
    """The bytes of a fake video.

    Args:
        frames: seconds, rising, and an image of ``fake_image``; None for a stretch that cannot be
            read.
        cut_at: a cut comes before the first frame at or after this time.
        end_s: until when the last frame is shown; None for a moment.
    """
    lines = [_FIRST_LINE]
    for frame in frames:
        if frame is None:
            lines.append(_DAMAGE)
            continue
        time_s, image = frame
        if cut_at is not None and time_s >= cut_at:
            lines.append(_CUT)
            cut_at = None
        lines.append(b"%r " % time_s + image)
    if end_s is not None:
        lines.append(b"%s%r" % (_END, end_s))
    return b"".join(lines)


class InMemoryVideoReader(Controllable):
    """Reads what ``fake_video`` makes, and refuses everything else.

    Args:
        max_pixels: of a frame.
    """

    def __init__(self, *, max_pixels: int = math.prod(MAX_VIDEO_FRAME_SIZE)) -> None:
        super().__init__()
        self._max_pixels = max_pixels

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[OpenVideo]:
        await self._wait_or_fail()
        data = path.read_bytes()  # noqa: ASYNC240 (a few lines, in tests)
        if not data.startswith(_FIRST_LINE):
            raise InvalidVideo("this is not a video in a supported format", reason="unsupported")
        try:
            video = _FakeVideo(data[len(_FIRST_LINE) :].splitlines(keepends=True))
        except ValueError as error:
            raise InvalidVideo(
                "the video file is damaged or cut short", reason="damaged"
            ) from error
        if video.facts.width * video.facts.height > self._max_pixels:
            raise VideoTooLarge("the frames have too many pixels", limit=self._max_pixels)
        yield video


class _FakeVideo:
    def __init__(self, lines: list[bytes]) -> None:
        self._items: list[VideoFrame | None] = []
        scene, end_s = 0, 0.0
        for line in lines:
            if line.startswith(_END):
                end_s = float(line.removeprefix(_END))
            elif line == _CUT:
                scene += 1
            elif line == _DAMAGE:
                self._items.append(None)
            else:
                time_s, image = line.split(b" ", 1)
                shown = Scene.parse(image)
                pixels = Image(shown, shown.width, shown.height, "video")
                self._items.append(VideoFrame(pixels, float(time_s), scene))
        frames = [item for item in self._items if item is not None]
        if not frames:
            raise ValueError("there are no frames")
        first, last = frames[0], frames[-1]
        end_s = max(end_s, last.time_s)
        self.facts = VideoFacts(
            first.image.width, first.image.height, end_s, None, "video/mp4", first.time_s
        )

    async def frames(
        self, *, every_s: float, from_s: float = 0.0, to_s: float | None = None
    ) -> AsyncGenerator[VideoFrame | UnreadablePart, None]:
        """Yield the wanted frames."""
        due_s, before_s, damaged_from_s = from_s, from_s, None
        shown: VideoFrame | None = None
        has_begun = False
        for item in self._items:
            if item is None:
                damaged_from_s = before_s if damaged_from_s is None else damaged_from_s
                shown = None
                continue
            is_over = to_s is not None and item.time_s > to_s
            until_s = item.time_s if to_s is None else min(item.time_s, to_s)
            stays = until_s - due_s >= every_s - 1e-6 or (is_over and not has_begun)
            if shown is not None and stays and until_s > due_s:
                yield replace(shown, time_s=max(shown.time_s, from_s))
                has_begun = True
            if is_over:
                return
            shown = item
            if item.time_s >= due_s - 1e-6:
                if damaged_from_s is not None:
                    yield UnreadablePart(damaged_from_s, item.time_s)
                    damaged_from_s = None
                yield item
                shown, has_begun = None, True
                due_s += (int((item.time_s - due_s) / every_s + 1e-6) + 1) * every_s
            before_s = item.time_s
        if damaged_from_s is not None:
            yield UnreadablePart(damaged_from_s, None)
