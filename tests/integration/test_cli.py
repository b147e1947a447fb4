"""The command line, used from a terminal."""

import io
import json
import re
from pathlib import Path

import jwt
import pytest
from PIL import Image
from skimage import data

from adapters.filesystem import folder_lock
from adapters.local_auth import load_or_create_secret
from tests.integration.command_line import emotion_api


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder in which a service was started before."""
    load_or_create_secret(tmp_path / "data" / "secret.key")
    return tmp_path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "astronaut.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path


def test_detect_prints_a_table_of_faces_and_emotions(photo: Path) -> None:
    done = emotion_api("detect", str(photo), cwd=photo.parent, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "astronaut.jpg" in done.stdout
    assert re.search(r" happy +>?9\d% ", done.stdout)
    assert "100%" not in done.stdout


def test_detect_prints_json_that_programs_can_read(photo: Path) -> None:
    done = emotion_api("detect", "--json", str(photo), cwd=photo.parent)
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    [face] = found["detection_results"]["faces"]
    x, y, width, height = face["box"]
    assert x < 225 < x + width
    assert y < 115 < y + height
    assert face["dominant_emotion"] == "happy"
    assert sum(each["score"] for each in face["emotions"]) == pytest.approx(1)


def test_detect_draws_a_copy_and_leaves_the_original_alone(photo: Path) -> None:
    before = photo.read_bytes()
    out = photo.parent / "drawn.jpg"
    done = emotion_api("detect", str(photo), "--annotate", str(out), cwd=photo.parent)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as drawn:
        assert drawn.size == (512, 512)
    assert out.read_bytes() != before
    assert photo.read_bytes() == before
    over_itself = emotion_api("detect", str(photo), "--annotate", str(photo), cwd=photo.parent)
    assert over_itself.returncode != 0
    assert photo.read_bytes() == before


def test_detect_reads_a_folder_and_names_what_it_could_not_read(photo: Path) -> None:
    folder = photo.parent / "holiday"
    folder.mkdir()
    photo.rename(folder / "a.jpg")
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:2000])
    (folder / "notes.txt").write_text("not a photograph")
    done = emotion_api("detect", "--json", "holiday", cwd=photo.parent)
    assert done.returncode == 1
    results = {Path(each["filename"]).name: each["status"] for each in json.loads(done.stdout)}
    assert results == {"a.jpg": "completed", "broken.jpg": "error"}
    assert "broken.jpg" in done.stderr


def test_detect_keeps_nothing(photo: Path) -> None:
    emotion_api("detect", str(photo), cwd=photo.parent)
    assert not list(photo.parent.rglob("*.sqlite3"))
    assert not [path for path in photo.parent.rglob("*") if path.is_file() and path != photo]


def test_detect_reports_a_missing_file(tmp_path: Path) -> None:
    done = emotion_api("detect", "nowhere.jpg", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere.jpg" in done.stderr


def test_token_prints_the_id_token_alone_on_its_last_line(served: Path) -> None:
    done = emotion_api("token", "--user", "alice@example.com", cwd=served)
    assert done.returncode == 0, done.stderr
    claims = jwt.decode(done.stdout.splitlines()[-1], options={"verify_signature": False})
    assert claims["sub"] == "alice@example.com"


def test_token_does_not_create_a_secret(tmp_path: Path) -> None:
    done = emotion_api("token", "--user", "alice@example.com", cwd=tmp_path, DATA_DIR="elsewhere")
    assert done.returncode == 2
    assert "DATA_DIR=elsewhere" in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())
    given = {"SECRET_KEY": "of-the-tests-0123456789-abcdefghij"}
    done = emotion_api("token", "--user", "alice@example.com", cwd=tmp_path, **given)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("address", ["alice", "@example.com", "a b@example.com"])
def test_token_refuses_an_invalid_address(served: Path, address: str) -> None:
    done = emotion_api("token", "--user", address, cwd=served)
    assert done.returncode == 2
    assert address in done.stderr


@pytest.mark.parametrize("hours", ["1e9", "inf", "nan", "-1", "0", "1e-9", "8761"])
def test_token_refuses_an_invalid_lifetime(served: Path, hours: str) -> None:
    done = emotion_api("token", "--user", "alice@example.com", f"--hours={hours}", cwd=served)
    assert done.returncode == 2
    assert "at most 8760 hours" in done.stderr
    assert not done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "0.033", "3601", "nan", "inf"])
@pytest.mark.parametrize("command", [("detect", "."), ("watch", "rtsp://127.0.0.1:9/stream")])
def test_an_impossible_step_is_a_wrong_option(
    tmp_path: Path, command: tuple[str, str], seconds: str
) -> None:
    done = emotion_api(*command, f"--every={seconds}", cwd=tmp_path, COLUMNS="120")
    assert done.returncode == 2
    assert "'--every': it must lie between 1/30 and 3600 seconds" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_placeholder_secret_in_the_data_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_text("your-secret-key-your-secret-key-your")
    done = emotion_api("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "secret.key" in done.stderr
    assert "your-secret" not in done.stderr


def test_a_bad_setting_stops_every_command_with_its_name(tmp_path: Path) -> None:
    done = emotion_api("serve", cwd=tmp_path, PORT="none")
    assert done.returncode == 2
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "command", "fault"),
    [
        (b"", ["serve"], "32"),
        (b"changeme", ["serve"], "32"),
        (b"changeme", ["token", "--user", "alice@example.com"], "32"),
        (b"\xff" * 40, ["serve"], "not text"),
    ],
)
def test_an_unusable_secret_in_the_data_folder_stops_the_start_and_is_kept(
    tmp_path: Path, content: bytes, command: list[str], fault: str
) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "secret.key"
    file.write_bytes(content)
    done = emotion_api(*command, cwd=tmp_path, DATA_DIR="data")
    assert done.returncode == 2
    assert "secret.key" in done.stderr
    assert fault in done.stderr
    assert "changeme" not in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == content


def test_a_data_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = emotion_api("serve", cwd=tmp_path, DATA_DIR="file/data")
    assert done.returncode == 2
    assert "DATA_DIR=file/data" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "setting", [{"FACE_DETECTOR": "yunet", "YUNET_MODEL": "x"}, {"CLASSIFIER_WEIGHTS": "x"}]
)
@pytest.mark.parametrize("command", [["serve"], ["detect", "photo.jpg"]])
def test_a_missing_model_stops_every_command_with_its_setting(
    tmp_path: Path, setting: dict[str, str], command: list[str]
) -> None:
    done = emotion_api(*command, cwd=tmp_path, **setting)
    assert done.returncode == 2
    assert f"{list(setting)[-1]}=x: there is no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_large_images_are_drawn_upright(tmp_path: Path) -> None:
    sideways = io.BytesIO()
    picture = Image.fromarray(data.astronaut()).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90° clockwise when shown
    picture.save(sideways, "JPEG", quality=92, exif=exif)
    (tmp_path / "sideways.jpg").write_bytes(sideways.getvalue())
    done = emotion_api("detect", "--json", "sideways.jpg", "--annotate", "drawn.jpg", cwd=tmp_path)
    [face] = json.loads(done.stdout)[0]["detection_results"]["faces"]
    x, y, width, height = face["box"]
    assert x < 225 < x + width
    assert y < 115 < y + height


def test_a_second_service_on_the_same_data_folder_stops_with_one_line(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "data" / "spool"):
        done = emotion_api("serve", cwd=tmp_path, PORT="0")
    assert done.returncode == 2
    assert "DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_files_is_an_empty_array_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    ended = emotion_api("detect", "none", "--json", cwd=tmp_path)
    assert ended.returncode == 1
    assert json.loads(ended.stdout) == []
    assert "no images or videos in none" in ended.stderr
