"""Settings: read from the environment, documented, and refused with words that help."""

from pathlib import Path

import pytest

from entrypoints.settings import BadSettings, Settings, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.removeprefix("#").split("=", 1) for line in lines if "=" in line.split(" ")[0])
    return {line[0]: line[1] for line in pairs}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented()) == {name.upper() for name in Settings.model_fields}


def test_the_documented_values_are_the_defaults(tmp_path: Path) -> None:
    lines = (f"{name}={value}" for name, value in documented().items())
    Path(".env").write_text("\n".join(lines))
    assert load_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value", "fault", "allowed"),
    [
        ("PORT", "http", "http", "integer"),
        ("PORT", "70000", "70000", "65535"),
        ("REPOSITORY", "oracle", "oracle", "sqlite"),
        ("FACE_DETECTOR", "magic", "magic", "yunet"),
        ("GUEST_MAX_USAGE", "-1", "-1", "0"),
        ("CORS_ORIGINS", "*", "*", "https://app.example.com"),
        ("HAAR_SCALE_FACTOR", "1", "1", "greater than 1"),
        ("LOG_LEVEL", "LOUD", "LOUD", "WARNING"),
    ],
)
def test_a_bad_value_is_named_with_its_fault_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    message = str(caught.value)
    assert name in message
    assert fault in message
    assert allowed in message


@pytest.mark.parametrize("secret", ["short", "changeme", "a" * 64])
def test_a_weak_secret_is_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", secret)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert str(caught.value).startswith("SECRET_KEY")
    assert secret not in str(caught.value)


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("MAX_BATCH_SIZE", "x")
    with pytest.raises(BadSettings, match=r"PORT(.|\n)*MAX_BATCH_SIZE"):
        load_settings()


def test_an_unknown_key_in_the_env_file_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("GUEST_MAX_USEAGE=9\n# COMMENTED=1\nPORT=2600\n")
    assert load_settings().port == 2600
    warned = capsys.readouterr().err
    assert "GUEST_MAX_USEAGE" in warned
    assert "COMMENTED" not in warned
    assert "PORT" not in warned


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=2600\n")
    monkeypatch.setenv("PORT", "2700")
    assert load_settings().port == 2700


def test_origins_may_be_a_comma_separated_or_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example/, https://b.example")
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")
    monkeypatch.setenv("CORS_ORIGINS", '["https://a.example"]')
    assert load_settings().cors_origins == ("https://a.example",)


def test_auto_takes_yunet_only_when_its_file_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().detector_choice == "haar"
    Path("yunet.onnx").write_bytes(b"")
    monkeypatch.setenv("YUNET_MODEL", "yunet.onnx")
    assert load_settings().detector_choice == "yunet"
