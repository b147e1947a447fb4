"""YuNet's model file, which is not part of the repository, and the tests that need it."""

import os
from pathlib import Path
from typing import Any

import pytest

NO_MODEL = "FACE_DETECTOR_MODEL does not name YuNet's file"


def yunet_model() -> Path | None:
    """The file that ``FACE_DETECTOR_MODEL`` names; None if there is none."""
    model = Path(os.environ.get("FACE_DETECTOR_MODEL", ""))
    return model if model.is_file() else None


def yunet_case() -> list[Any]:
    """The parameter of tests that need the file; without it they are skipped by name.

    In CI, where nothing may be skipped, they are left out, and the report begins by saying so.
    """
    if yunet_model():
        return ["yunet"]
    if "CI" in os.environ:
        return []
    return [pytest.param("yunet", marks=pytest.mark.skip(reason=NO_MODEL))]
