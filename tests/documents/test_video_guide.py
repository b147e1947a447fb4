"""docs/video.md, run as it is."""

import json

import numpy as np
from skimage import data

from tests import clips
from tests.documents.following import PRINTED, follow
from tests.e2e.service_process import ServiceProcess


def test_a_clip_becomes_a_table_that_pandas_reads(site: ServiceProcess) -> None:
    folder = site.folder
    portrait = np.ascontiguousarray(data.astronaut()[:360, :480])
    clip = clips.write_clip(folder / "CLIP.mp4", [(n / 10, portrait) for n in range(20)])
    (folder / "FOLDER").mkdir()
    (folder / "FOLDER" / "clip.mp4").write_bytes(clip.read_bytes())
    commands, drawn, sent, program = follow("docs/video.md", folder, instead={PRINTED: site.url})
    assert "face_1" in drawn
    assert (folder / "drawn.mp4").stat().st_size > 1000
    assert '"status":"done"' in sent.replace(" ", "")
    assert "face_1" in commands
    [told] = json.loads(commands[commands.index("[\n") :])
    assert told["frames_analysed"] == 10
    assert program.split()[:2] == ["face_id", "face_1"]
    assert float(program.split()[2]) > 0.5  # the astronaut smiles
