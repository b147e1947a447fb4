"""The timeline of a session as SVG: bars over time for each face, in the emotion's colour."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from domain.emotion import EMOTION_COLOURS, Emotion
from domain.session import SessionSummary, TimelineEntry, TrackSummary

MAX_ROWS = 40
_WIDTH, _LEFT, _RIGHT, _TOP = 960, 76, 16, 64
_BAR, _ROW = 44, 76
_WORD_PX = 9  # a letter of a label takes no more
_NARROWEST_PX = 2  # of a bar, so that the drawing of a long session stays small
# Characters that XML 1.0 (section 2.2) does not allow, even escaped.
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TICKS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400)


def timeline_svg(summary: SessionSummary) -> str:
    """Draw a session; the height of a bar is the mean score of the emotion in that time.

    A bar stands for a second, in long sessions for several: for the emotion that led in most of
    them. Sessions of more than 40 faces show those seen longest, in the order they appeared.
    """
    tracks = _shown(summary)
    seconds = max([summary.duration_s, 1.0, *(t.timeline[-1].second + 1 for t in tracks)])
    bar_s = math.ceil(_NARROWEST_PX * seconds / (_WIDTH - _LEFT - _RIGHT))
    height = _TOP + _ROW * max(len(tracks), 1) + 64
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title description" '
        'font-family="system-ui, sans-serif" font-size="14">',
        f'<title id="title">{_text(_title(summary))}</title>',
        f'<desc id="description">{_text(_in_words(tracks))}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="32" font-size="18" font-weight="600">{_text(_title(summary))}</text>',
    ]
    if not tracks:
        parts.append(f'<text x="16" y="{_TOP + 30}" fill="#5a5d66">No face was seen.</text>')
    scale = (_WIDTH - _LEFT - _RIGHT) / seconds
    for row, track in enumerate(tracks):
        parts += _row(track, _TOP + row * _ROW, scale, bar_s)
    bottom = _TOP + _ROW * max(len(tracks), 1)
    parts += _axis(seconds, scale, bottom)
    parts += _legend(bottom + 46)
    return "".join([*parts, "</svg>"])


def _shown(summary: SessionSummary) -> list[TrackSummary]:
    seen = [track for track in summary.tracks if track.timeline]
    longest = sorted(seen, key=lambda track: -len(track.timeline))[:MAX_ROWS]
    return [track for track in seen if track in longest]


def _row(track: TrackSummary, y: float, scale: float, bar_s: int) -> list[str]:
    floor = y + _BAR
    name = track.track_id.replace("_", " ")
    parts = [
        f'<text x="16" y="{floor - 14}">{_text(name)}</text>',
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{floor}" y2="{floor}" stroke="#8b8d94"/>',
        *_scale(y),
    ]
    entries_of_bars = _merge(track.timeline, bar_s)
    for entry in entries_of_bars:
        tall = _BAR * entry.score
        parts.append(
            f'<rect x="{_LEFT + entry.second * scale:.2f}" y="{floor - tall:.1f}" '
            f'width="{bar_s * scale:.2f}" height="{tall:.1f}" '
            f'fill="{EMOTION_COLOURS[entry.emotion]}"/>'
        )
    for entries in _runs(entries_of_bars, bar_s):
        word, wide = entries[0].emotion.value, len(entries) * bar_s * scale
        # The word is for people who cannot distinguish the colours.
        if wide >= _WORD_PX * len(word):
            x = _LEFT + entries[0].second * scale + 4
            parts.append(f'<text x="{x:.1f}" y="{floor + 16}" font-size="13">{word}</text>')
    return parts


def _scale(y: float) -> list[str]:
    """The scale of the bars."""
    small = f'x="{_LEFT - 4}" font-size="10" fill="#5a5d66" text-anchor="end"'
    return [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#d9d6cf"/>',
        f'<text {small} y="{y + 8}">100%</text>',
        f'<text {small} y="{y + _BAR}">0</text>',
    ]


def _merge(timeline: Sequence[TimelineEntry], bar_s: int) -> list[TimelineEntry]:
    """One entry for each stretch of ``bar_s`` seconds, at its first second."""
    if bar_s == 1:
        return list(timeline)
    merged = []
    for number, group in groupby(timeline, key=lambda entry: entry.second // bar_s):
        scores: dict[Emotion, list[float]] = {}
        for entry in group:
            scores.setdefault(entry.emotion, []).append(entry.score)
        led = max(scores, key=lambda emotion: len(scores[emotion]))
        mean = sum(scores[led]) / len(scores[led])
        merged.append(TimelineEntry(number * bar_s, led, mean))
    return merged


def _runs(timeline: Sequence[TimelineEntry], bar_s: int) -> list[list[TimelineEntry]]:
    """Runs of adjacent bars with the same emotion."""
    numbered = enumerate(timeline)
    same = groupby(numbered, key=lambda each: (each[1].emotion, each[1].second // bar_s - each[0]))
    return [[entry for _, entry in group] for _, group in same]


def _axis(seconds: float, scale: float, y: float) -> list[str]:
    step = next((tick for tick in _TICKS_S if seconds / tick <= 12), _TICKS_S[-1])
    return [
        f'<text x="{_LEFT + second * scale:.1f}" y="{y + 12}" font-size="13" fill="#5a5d66" '
        f'text-anchor="middle">{_clock(second)}</text>'
        for second in range(0, int(seconds) + 1, step)
    ]


def _legend(y: float) -> list[str]:
    parts = []
    for number, (emotion, colour) in enumerate(EMOTION_COLOURS.items()):
        x = 16 + number * 108
        parts.append(
            f'<rect x="{x}" y="{y - 12}" width="14" height="14" fill="{colour}" stroke="#5a5d66"/>'
            f'<text x="{x + 20}" y="{y}">{emotion.value}</text>'
        )
    return parts


def _text(words: str) -> str:
    """A client's text without characters that XML does not allow."""
    return escape(_NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", words))


def _title(summary: SessionSummary) -> str:
    began = f"{summary.started_at:%Y-%m-%d %H:%M} {summary.started_at.tzname() or ''}".strip()
    return f"{summary.video_source or 'Live session'}, {began}, {_clock(summary.duration_s)}"


def _in_words(tracks: list[TrackSummary]) -> str:
    said = [
        f"{track.track_id.replace('_', ' ')}: mostly {track.time_share.dominant} "
        f"({track.time_share[track.time_share.dominant]:.0%} of its time)"
        for track in tracks
    ]
    return "; ".join(said) or "No face was seen."


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
