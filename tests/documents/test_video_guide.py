"""docs/video.md, run as it is."""

import json
from pathlib import Path

import numpy as np
from skimage import data

from tests import clips
from tests.documents.following import follow


def test_a_clip_becomes_a_table_that_pandas_reads(tmp_path: Path) -> None:
    portrait = np.ascontiguousarray(data.astronaut()[:360, :480])
    clip = clips.write_clip(tmp_path / "CLIP.mp4", [(n / 10, portrait) for n in range(20)])
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FOLDER" / "clip.mp4").write_bytes(clip.read_bytes())
    commands, drawn, program = follow("docs/video.md", tmp_path)
    assert "face_1" in drawn
    assert (tmp_path / "drawn.mp4").stat().st_size > 1000
    assert "face_1" in commands
    [told] = json.loads(commands[commands.index("[\n") :])
    assert told["frames_analysed"] == 10
    assert program.split()[:2] == ["face_id", "face_1"]
    assert float(program.split()[2]) > 0.5  # the astronaut smiles
