import errno
from pathlib import Path

import pytest

from entrypoints.cli.outputs import (
    VIDEO_COPIES,
    draft_of,
    outputs_of,
    refuse_to_overwrite,
    replace_by,
)


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


def test_no_output_overwrites_an_input_of_any_name(tmp_path: Path) -> None:
    clip, photo, other = (tmp_path / name for name in ("clip.mp4", "photo.png", "link.png"))
    clip.write_bytes(b"a video")
    photo.write_bytes(b"a photo")
    other.symlink_to(photo)
    for output in (clip, photo, other):
        with pytest.raises(OSError, match="would overwrite"):
            refuse_to_overwrite([clip, photo], [tmp_path / "new.csv", output])
    refuse_to_overwrite([clip, photo, tmp_path / "gone.png"], [tmp_path / "new.csv"])


def test_a_table_and_a_copy_never_are_one_file(tmp_path: Path) -> None:
    copy, link = tmp_path / "drawn.mp4", tmp_path / "link.mp4"
    link.symlink_to(copy)
    for table in (copy, link, tmp_path / "." / "drawn.mp4"):
        with pytest.raises(OSError, match="both a copy and a table"):
            refuse_to_overwrite([], [copy, table])
    refuse_to_overwrite([], [copy, tmp_path / "frames.csv"])
    refuse_to_overwrite([], [Path("/dev/null"), Path("/dev/null")])


def test_a_draft_is_a_new_file_and_others_stay(tmp_path: Path) -> None:
    table = tmp_path / "frames.csv"
    earlier = draft_of(table)
    earlier.write_text("of an earlier run")
    draft = draft_of(table)
    draft.write_text("whole")
    replace_by(draft, table)
    assert table.read_text() == "whole"
    assert earlier.read_text() == "of an earlier run"
    assert sorted(tmp_path.iterdir()) == [table, earlier]
    assert earlier.suffix == draft.suffix == ".part"
    assert draft_of(tmp_path / "drawn.mp4", ".mp4").suffix == ".mp4"


def test_what_a_symbolic_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link, table = tmp_path / "frames.csv", tmp_path / "far" / "table"
    link.symlink_to(table)
    for content in ("first", "second"):
        draft = draft_of(link)
        draft.write_text(content)
        assert draft.parent == table.parent
        replace_by(draft, link)
        assert link.is_symlink()
        assert table.read_text() == content


def test_the_access_rights_of_what_is_replaced_stay(tmp_path: Path) -> None:
    table = tmp_path / "frames.csv"
    table.touch()
    table.chmod(0o600)
    replace_by(draft_of(table), table)
    assert table.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("why", [errno.EACCES, errno.EROFS])
def test_beside_what_nothing_new_may_stand_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    def touch(self: Path, **_: object) -> None:
        raise OSError(why, "no", str(self))

    monkeypatch.setattr(Path, "touch", touch)
    table = tmp_path / "frames.csv"
    assert draft_of(table) == table
    replace_by(table, table)


def test_a_name_that_leaves_no_room_for_another_is_written_in_place(tmp_path: Path) -> None:
    table = tmp_path / ("x" * 251 + ".csv")
    assert draft_of(table) == table


def test_a_file_that_no_other_can_replace_gets_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(self: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, "a file is mounted there", str(target))

    table = tmp_path / "frames.csv"
    table.write_text("of an earlier run")
    draft = draft_of(table)
    draft.write_text("new")
    monkeypatch.setattr(Path, "replace", replace)
    replace_by(draft, table)
    assert table.read_text() == "new"
    assert list(tmp_path.iterdir()) == [table]
