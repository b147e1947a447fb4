"""README.md, run as it is."""

import json
import re
import sys

import numpy as np
from PIL import Image

from tests.clips import write_clip
from tests.documents.following import PRINTED, ROOT, follow
from tests.e2e.service_process import ServiceProcess


def test_every_command_of_the_readme_works_and_prints_what_it_shows(site: ServiceProcess) -> None:
    folder = site.folder
    (folder / "PHOTO").write_bytes((folder / "photo.jpg").read_bytes())
    face = np.asarray(Image.open(folder / "photo.jpg").convert("RGB"))
    write_clip(folder / "CLIP.mp4", ((number / 10, face) for number in range(10)))
    (folder / ".venv").symlink_to(sys.prefix)
    crop = np.asarray(Image.open(folder / "photo.jpg").convert("L").crop((150, 40, 300, 190)))
    np.savez(folder / "FACES.npz", images=crop[None], labels=["happy"])

    made, answered, done = follow("README.md", folder, instead={PRINTED: site.url})
    assert "emotion-api serve" in made
    assert "pytest" in made
    assert_alike(shown_answer(), json.loads(answered), "answer")
    assert "happy" in done
    assert "accuracy" in done
    assert (folder / "frames.csv").read_text().startswith("frame,time,")
    assert (folder / "drawn.jpg").read_bytes().startswith(b"\xff\xd8")


def shown_answer() -> object:
    """The answer the page shows as an example."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```json\n(.*?)^```", text, re.M | re.S)
    assert found is not None
    return json.loads(found[1])


def assert_alike(shown: object, real: object, place: str) -> None:
    """Check that every value shown exists and has the same type."""
    assert type(shown) is type(real), place
    if isinstance(shown, dict) and isinstance(real, dict):
        for name, value in shown.items():
            assert_alike(value, real[name], f"{place}.{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        assert_alike(shown[0], real[0], f"{place}[0]")
    elif place.endswith("emotion"):
        assert shown == real
