"""``emotion-api detect`` with recorded video."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests import clips
from tests.integration.command_line import ENVIRONMENT, emotion_api

_PORTRAIT = np.ascontiguousarray(data.astronaut()[:360, :480])


def seconds_of(sound: av.AudioStream) -> float:
    assert sound.duration is not None
    assert sound.time_base is not None
    return float(sound.duration * sound.time_base)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a portrait, without a face in the last half second."""
    empty = np.full_like(_PORTRAIT, 90)
    return clips.write_clip(
        tmp_path / "interview.mp4",
        [(n / 20, _PORTRAIT if n < 30 else empty) for n in range(40)],
    )


def test_a_video_is_summarised_by_face_and_share_of_time(clip: Path) -> None:
    done = emotion_api("detect", str(clip), cwd=clip.parent, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "interview.mp4" in done.stdout
    assert "face_1" in done.stdout
    assert "happy" in done.stdout
    assert "face_2" not in done.stdout


def test_its_frames_are_written_as_a_table(clip: Path) -> None:
    table = clip.parent / "frames.csv"
    done = emotion_api("detect", str(clip), "--every", "0.5", "--csv", str(table), cwd=clip.parent)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [float(row["time"]) for row in rows] == [0.0, 0.5, 1.0, 1.5]
    assert [row["face_id"] for row in rows] == ["face_1", "face_1", "face_1", ""]
    assert {row["dominant_emotion"] for row in rows[:3]} == {"happy"}
    assert sum(float(rows[0][name]) for name in ("happy", "sad", "neutral")) <= 1.001


def test_images_and_videos_are_printed_as_one_json_array(clip: Path) -> None:
    Image.fromarray(_PORTRAIT).save(clip.parent / "portrait.jpg")
    done = emotion_api("detect", "--json", str(clip.parent), cwd=clip.parent)
    assert done.returncode == 0, done.stderr
    photo, video = json.loads(done.stdout)
    assert photo["detection_results"]["face_detected"] is True
    assert (video["kind"], video["frames_analysed"]) == ("video", 10)
    assert (video["width"], video["height"]) == (480, 360)
    assert [track["tracking_id"] for track in video["tracks"]] == ["face_1"]


def test_an_unreadable_video_is_named_and_the_others_are_analysed(clip: Path) -> None:
    (clip.parent / "broken.mp4").write_bytes(b"no video at all")
    wanted = ("broken.mp4", clip.name, "--csv", "tables")
    done = emotion_api("detect", *wanted, cwd=clip.parent, COLUMNS="120")
    assert done.returncode == 1
    assert "broken.mp4: this is not a video in a supported format" in done.stderr
    assert "face_1" in done.stdout
    assert [table.name for table in (clip.parent / "tables").iterdir()] == ["interview.csv"]


def test_a_table_that_cannot_be_written_is_named(clip: Path) -> None:
    done = emotion_api("detect", clip.name, "--csv", "missing/frames.csv", cwd=clip.parent)
    assert done.returncode == 1
    assert "no table could be written at missing/frames.csv: No such file" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_loses_the_table_and_neither_the_result_nor_the_next_video(clip: Path) -> None:
    shutil.copy(clip, clip.parent / "second.mp4")
    (clip.parent / "tables").mkdir()
    (clip.parent / "tables" / "interview.csv").symlink_to("/dev/full")
    wanted = (clip.name, "second.mp4", "--json", "--csv", "tables")
    done = emotion_api("detect", *wanted, cwd=clip.parent)
    assert done.returncode == 1
    assert "no table could be written at tables/interview.csv: No space left" in done.stderr
    assert [video["status"] for video in json.loads(done.stdout)] == ["completed", "completed"]
    assert len((clip.parent / "tables" / "second.csv").read_text("utf-8").splitlines()) == 11


def test_a_copy_that_cannot_be_drawn_is_named_once(clip: Path) -> None:
    done = emotion_api("detect", clip.name, "--annotate", "missing/drawn.mp4", cwd=clip.parent)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "interview.mp4: no copy could be drawn at missing/drawn.mp4: No such file or directory"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_is_full_midway_ends_one_video_and_not_the_next(clip: Path) -> None:
    grey = np.full((96, 160, 3), 90, np.uint8)
    clips.write_clip(clip.parent / "a.mp4", [(n / 10, grey) for n in range(800)])
    (clip.parent / "tables").mkdir()
    (clip.parent / "tables" / "a.csv").symlink_to("/dev/full")
    wanted = ("a.mp4", clip.name, "--json", "--every", "0.1", "--csv", "tables")
    done = emotion_api("detect", *wanted, cwd=clip.parent)
    assert done.returncode == 1
    assert "a.mp4: no table could be written at tables/a.csv: No space left" in done.stderr
    assert [video["status"] for video in json.loads(done.stdout)] == ["error", "completed"]


def test_an_interrupted_command_prints_what_is_finished_and_keeps_tables_apart(clip: Path) -> None:
    folder = clip.parent
    (folder / "P02").mkdir()
    still = ((n / 10, _PORTRAIT) for n in range(3000))
    long = clips.write_clip(folder / "P02" / clip.name, still, options={"preset": "ultrafast"})
    (folder / "tables").mkdir()
    table = folder / "tables" / "P02-interview.csv"
    table.write_text("of an earlier run")
    command = (sys.executable, "-m", "entrypoints.cli", "detect", clip.name, str(long))
    with subprocess.Popen(
        [*command, "--csv", "tables", "--annotate", "drawn"], cwd=folder, env=ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        draft = table.with_name("P02-interview.csv.part")
        try:
            while process.poll() is None and not (draft.exists() and draft.stat().st_size):
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            printed, notes = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, notes
    assert "face_1" in printed
    assert "1 of 2 files are finished" in notes
    assert "P02-interview.csv.part" in notes
    assert table.read_text() == "of an earlier run"
    rows = list(csv.DictReader(draft.read_text("utf-8").splitlines()))
    assert [row["frame"] for row in rows] == [str(number) for number in range(len(rows))]
    assert len(rows) > 1
    assert [copy.name for copy in (folder / "drawn").iterdir()] == [f"{folder.name}-interview.mp4"]


def test_content_and_not_the_name_says_what_a_file_is(clip: Path) -> None:
    folder = clip.parent
    Image.fromarray(_PORTRAIT).save(folder / "portrait.mp4", format="JPEG")
    clip.rename(folder / "interview.jpg")
    shutil.copy(folder / "interview.jpg", folder / "download")
    (folder / "notes").write_text("none of them")
    (folder / "._interview.jpg").write_bytes(b"what some file systems leave behind")
    done = emotion_api("detect", "--json", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    kinds = {each["filename"]: each.get("kind", "image") for each in json.loads(done.stdout)}
    assert kinds == {"portrait.mp4": "image", "interview.jpg": "video", "download": "video"}


def test_a_file_of_another_kind_is_named_with_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "recording").write_bytes(b"G" + bytes(1000))
    done = emotion_api("detect", "recording", cwd=tmp_path)
    assert done.returncode == 1
    assert "recording" in done.stderr
    assert "JPEG" in done.stderr
    assert "MKV" in done.stderr


@pytest.mark.parametrize("wanted", [(), ("--csv", "frames.csv"), ("--annotate", "drawn.mp4")])
def test_a_video_of_another_kind_is_refused_as_a_video(
    tmp_path: Path, wanted: tuple[str, ...]
) -> None:
    (tmp_path / "00001.MTS").write_bytes(b"G" + bytes(1000))
    done = emotion_api("detect", "00001.MTS", *wanted, cwd=tmp_path)
    assert done.returncode == 1
    assert "00001.MTS: this is not a video in a supported format: MP4" in done.stderr


def test_a_table_of_frames_needs_a_video(clip: Path) -> None:
    Image.fromarray(_PORTRAIT).save(clip.parent / "portrait.jpg")
    done = emotion_api("detect", "portrait.jpg", "--csv", "x.csv", cwd=clip.parent)
    assert done.returncode != 0
    assert "--csv is for the frames of videos" in done.stderr


def test_a_drawn_copy_shows_boxes_and_keeps_the_sound(tmp_path: Path) -> None:
    clip = clips.write_clip_with_sound(
        tmp_path / "talk.mp4", [(n / 20, _PORTRAIT) for n in range(30)]
    )
    copy = tmp_path / "drawn.mp4"
    done = emotion_api("detect", str(clip), "--annotate", str(copy), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "drawn.mp4" in done.stderr
    with av.open(str(copy)) as drawn, av.open(str(clip)) as original:
        sound, before = drawn.streams.audio[0], original.streams.audio[0]
        assert sound.codec_context.name == before.codec_context.name
        assert seconds_of(sound) == pytest.approx(seconds_of(before), abs=0.05)
        frames = list(drawn.decode(video=0))
    assert len(frames) == 30
    assert [float(frame.time) for frame in frames[:3]] == pytest.approx([0.0, 0.05, 0.1], abs=0.002)
    changed = np.abs(frames[10].to_ndarray(format="rgb24").astype(int) - _PORTRAIT).max(axis=2)
    yellow = frames[10].to_ndarray(format="rgb24")[changed > 90]
    assert len(yellow) > 300, "a box and a label are drawn"
    first = frames[10]
    assert (first.colorspace, first.color_primaries, first.color_trc, first.color_range) == (
        1, 1, 1, 1,
    )  # fmt: skip
    assert np.median(changed) < 6, "the colours are those of the original"


def test_sound_that_the_copy_cannot_hold_is_encoded_anew(tmp_path: Path) -> None:
    clip = clips.write_clip_with_sound(
        tmp_path / "old camera.mov",
        [(n / 20, _PORTRAIT) for n in range(30)],
        sound_codec="pcm_mulaw",
    )
    done = emotion_api("detect", str(clip), "--annotate", "drawn", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "drawn" / "old camera.mp4")) as drawn:
        sound = drawn.streams.audio[0]
        assert sound.codec_context.name == "aac"
        assert seconds_of(sound) == pytest.approx(1.45, abs=0.1)
        loudest = max(np.abs(frame.to_ndarray()).max() for frame in drawn.decode(sound))
    assert loudest > 0.5


def test_a_copy_never_overwrites_its_original(clip: Path) -> None:
    before = clip.read_bytes()
    done = emotion_api("detect", clip.name, "--annotate", clip.name, cwd=clip.parent)
    assert done.returncode != 0
    assert "would overwrite" in done.stderr
    assert clip.read_bytes() == before


def test_a_copy_and_a_table_leave_the_other_files_of_their_folder(clip: Path) -> None:
    folder = clip.parent
    before = clip.read_bytes()
    given = [folder / name for name in ("drawn.part.mp4", "drawn.mp4.part.mp4", "x.csv.part")]
    for name in given:
        name.write_bytes(before)
    wanted = (given[0].name, "--annotate", "drawn.mp4", "--csv", "x.csv")
    done = emotion_api("detect", *wanted, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [name.read_bytes() == before for name in given] == [True, True, True]
    assert len(list(folder.iterdir())) == len(given) + 3
