"""The guides name some defaults, limits and formats; these are those of settings and code."""

import re
from typing import Any

import pytest

from domain.formats import IMAGE_FORMATS_IN_WORDS, NOT_SHOWN_IN_WORDS, VIDEO_FORMATS_IN_WORDS
from domain.wording import duration_in_words
from entrypoints.settings import SETTINGS
from entrypoints.wire.limits import MAX_HEADER_LINES, MAX_JSON_BYTES
from tests.documents.following import ROOT

_IN_WORDS = {"1 hour": "an hour", "2 hours": "two hours", "10 seconds": "ten seconds"}
_NUMBERS = {3: "three", 6: "six"}


def default(setting: str) -> Any:
    return SETTINGS[setting.lower()].default


def seconds(count: int) -> str:
    return _IN_WORDS[duration_in_words(count)]


def kib(count: int) -> str:
    return f"{count / 1024:g} KiB"


def text_of(guide: str) -> str:
    return " ".join((ROOT / "docs" / guide).read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("guide", "said"),
    [
        ("rest.md", f"A guest may send {_NUMBERS[default('GUEST_MAX_USAGE')]} images a day."),
        ("rest.md", f"({_NUMBERS[default('GUEST_MAX_USAGE_PER_ADDRESS')]} a day)"),
        (
            "rest.md",
            f"`access_token` is valid for {seconds(60 * default('ACCESS_TOKEN_EXPIRE_MINUTES'))}.",
        ),
        ("rest.md", f"{seconds(default('REFRESH_GRACE_SECONDS'))} (`REFRESH_GRACE_SECONDS`)"),
        ("rest.md", f"{seconds(default('IMAGE_LINK_SECONDS'))} (`IMAGE_LINK_SECONDS`)"),
        (
            "rest.md",
            f"headers have {default('HEADER_TIMEOUT_S'):g} s, a body "
            f"{default('BODY_TIMEOUT_S'):g} s or {kib(default('BODY_MIN_BYTES_PER_S'))} a second",
        ),
        (
            "rest.md",
            f"JSON may have {kib(MAX_JSON_BYTES)}, headers {kib(default('MAX_HEADER_BYTES'))}",
        ),
        ("rest.md", f"{IMAGE_FORMATS_IN_WORDS} are read"),
        ("rest.md", f"{NOT_SHOWN_IN_WORDS}, which most browsers cannot show"),
        ("video.md", f"{VIDEO_FORMATS_IN_WORDS} files are read"),
        ("operations.md", f"`MAX_HEADER_BYTES`, {MAX_HEADER_LINES} lines"),
    ],
)
def test_a_guide_names_what_holds(guide: str, said: str) -> None:
    assert said in text_of(guide)


def test_numbers_in_brackets_behind_a_setting_are_its_default() -> None:
    said = re.findall(r"`([A-Z_]+)` \((\d+)[;)]", text_of("operations.md"))
    assert len(said) > 3
    assert {name: float(number) for name, number in said} == {
        name: default(name) for name, _ in said
    }
