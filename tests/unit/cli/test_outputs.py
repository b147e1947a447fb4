from pathlib import Path

import pytest

from entrypoints.cli.outputs import VIDEO_COPIES, outputs_of


def names_of(tmp_path: Path, *files: str) -> list[str]:
    paths = [Path(file) for file in files]
    outputs = outputs_of(
        "--annotate", tmp_path, paths, ending=".mp4", suffixes=VIDEO_COPIES, among=paths
    )
    return [outputs[path].name for path in paths]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    assert names_of(tmp_path, "P01/talk.mov", "P02/talk.mov", "P02/other.mov") == [
        "P01-talk.mp4", "P02-talk.mp4", "other.mp4",
    ]  # fmt: skip
    assert names_of(tmp_path, "a/1/talk.mov", "a/2/talk.mov", "b/1/talk.mov") == [
        "a-1-talk.mp4", "2-talk.mp4", "b-1-talk.mp4",
    ]  # fmt: skip
    assert names_of(tmp_path, "talk.mov", "talk.mkv") == ["talk.mov.mp4", "talk.mkv.mp4"]


def test_outputs_never_have_one_name(tmp_path: Path) -> None:
    names = names_of(tmp_path, "a/b-talk.mov", "x/b/talk.mov", "c/talk.mov", "a/b-talk.mkv")
    assert len(set(names)) == 4


def test_a_table_may_have_any_name(tmp_path: Path) -> None:
    clip = Path("clip.mp4")
    for name in ("frames.csv", "frames.txt", "frames"):
        outputs = outputs_of("--csv", tmp_path / name, [clip], ending=".csv", among=[clip])
        assert outputs == {clip: tmp_path / name}


def test_a_table_never_overwrites_its_video(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a video")
    with pytest.raises(OSError, match="would overwrite"):
        outputs_of("--csv", clip, [clip], ending=".csv", among=[clip])
