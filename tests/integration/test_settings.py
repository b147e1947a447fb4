"""Settings: reading, documentation, and refusal of wrong values."""

import base64
import hashlib
import socket
from pathlib import Path
from typing import Any, get_args

import pytest

from entrypoints.process.serve import bind
from entrypoints.settings import SETTINGS, BadSettings, load_settings, unknown_keys
from entrypoints.settings.secret_strength import weakness_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)


def documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.removeprefix("#").split("=", 1) for line in lines if "=" in line.split(" ")[0])
    return {line[0]: line[1] for line in pairs}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented()) == {name.upper() for name in SETTINGS}


def test_the_documented_values_are_the_defaults(tmp_path: Path) -> None:
    lines = (f"{name}={value}" for name, value in documented().items())
    Path(".env").write_text("\n".join(lines))
    assert load_settings() == load_settings(env_file=None)


# An unusable value, and words of the message. Numbers and choices are tried with a wrong word
# automatically, so only bounds and free texts have to be here.
WRONG = {
    "API_PREFIX": ("/", "a path such as /api"),
    "CLOUDINARY_DELIVERY_URL": ("res.cloudinary.com", "https://"),
    "CLOUDINARY_UPLOAD_PREFIX": ("ftp://files", "https://"),
    "CORS_ORIGINS": ("[bad", "separated by commas, or as a JSON list"),
    "FIREBASE_AUTH_EMULATOR_HOST": ("http://localhost", "host and port"),
    "FIREBASE_SERVICE_ACCOUNT_B64": ("bm8gSlNPTg==", "base64 -w0 key.json"),
    "FORWARDED_ALLOW_IPS": ("my-proxy", "IP addresses or networks"),
    "HF_ENDPOINT": ("mirror", "https://"),
    "IMPORT_MONGODB_URI": ("localhost:27017", "mongodb://"),
    "MONGODB_NAME": ("no.dots", "emotion_detection"),
    "MONGODB_URI": ("postgres://me:hush@host/", "mongodb://"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("collector:4318", "https://"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("hush", "name=value"),
    "PUBLIC_URL": ("emotions.example.com", "https://emotions.example.com"),
    "REDIS_URL": ("redis://:hush/hush@host:6379/0", "redis://user:password@host:6379/0"),
    "REMOTE_CLASSIFIER_URL": ("triton:8000", "https://"),
    "SECRET_KEY": ("password", "at least 32 characters"),
}
BOUNDS = [
    ("PORT", "70000", "65535"),
    ("GUEST_MAX_USAGE", "-1", "0"),
    ("HAAR_SCALE_FACTOR", "1", "greater than 1"),
    ("YUNET_MIN_CONFIDENCE", "1", "less than 1"),
    ("SHUTDOWN_GRACE_S", "nan", "600"),
    ("CORS_ORIGINS", "*", "https://app.example.com"),
    ("CORS_ORIGINS", "https://app.example.com/page", "without a path"),
    ("GUEST_WINDOW_SECONDS", "999999999999999", "31536000"),
    ("STORE_GIVE_UP_HOURS", "inf", "8760"),
    ("FORWARDED_ALLOW_IPS", '["10.0.0.0/8"', "JSON list"),
    ("FORWARDED_ALLOW_IPS", "172.28.0.1/24", "not 172.28.0.1/24"),
    ("FORWARDED_ALLOW_IPS", "*,10.0.0.1", "'*' alone"),
    ("CLOCK_SKEW_SECONDS", "61", "60"),
    ("OTEL_TRACES_SAMPLER_ARG", "2", "1"),
    ("API_PREFIX", "/a b", "a path such as /api"),
    ("API_PREFIX", "socket.io/", "not the one of Socket.IO"),
]
# Any text may be right here; it is checked when used.
UNCHECKED = {
    "CLASSIFIER_WEIGHTS", "CLOUDINARY_API_KEY", "CLOUDINARY_API_SECRET", "CLOUDINARY_CLOUD_NAME",
    "CLOUDINARY_FOLDER", "DATA_DIR", "FIREBASE_PROJECT_ID", "FIREBASE_SERVICE_ACCOUNT_FILE",
    "FIREBASE_WEB_API_KEY", "GOOGLE_CLIENT_ID", "HOST", "HUGGINGFACE_MODEL",
    "HUGGINGFACE_REVISION", "OTEL_SERVICE_NAME", "REDIS_PREFIX", "REMOTE_CLASSIFIER_LABELS",
    "REMOTE_CLASSIFIER_MODEL", "REMOTE_CLASSIFIER_VERSION", "YUNET_MODEL",
}  # fmt: skip


def wrong_values() -> list[tuple[str, str, str]]:
    """At least one wrong value for every setting that can be wrong."""
    cases = list(BOUNDS)
    for field, about in SETTINGS.items():
        name = field.upper()
        if name in WRONG:
            cases.append((name, *WRONG[name]))
        elif name not in UNCHECKED:
            words = get_args(about.annotation)
            wanted: dict[Any, str] = {bool: "true or false", int: "integer", float: "number"}
            cases += [(name, "nonsense", word) for word in words or [wanted[about.annotation]]]
    return cases


@pytest.mark.parametrize(("name", "value", "wanted"), wrong_values())
def test_a_wrong_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(name)
    assert wanted in message
    is_secret = "Secret" in str(SETTINGS[name.lower()].annotation)
    assert (value.lower() in message.lower()) is not is_secret


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_may_have_the_brackets_of_a_url(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HOST", host)
    assert load_settings().server.host == "::1"
    assert load_settings(host=host).server.host == "::1"


@pytest.mark.parametrize(
    ("host", "port"), [("203.0.113.1", "0"), ("no such host", "0"), ("127.0.0.1", "taken")]
)
def test_an_address_that_cannot_be_listened_on_is_named(host: str, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1] if port == "taken" else int(port)
        with pytest.raises(BadSettings, match=f"HOST={host} PORT={number}: .* a port that is free"):
            bind(host, number)


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        "changeme",
        "a" * 64,
        "your-secret-key-your-secret-key-your",
        "CHANGE_ME_to_a_long_random_string_please_2026",
        "my-super-secret-jwt-signing-key-123456",
        "ThisIsTheSecretKeyForEmotionDetection123!",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "12345678901234567890123456789012",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    ],
)
def test_a_weak_secret_is_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", secret)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert str(caught.value).startswith("SECRET_KEY")
    assert secret not in str(caught.value)


def test_a_random_secret_is_accepted_in_every_usual_encoding() -> None:
    for number in range(200):
        seed = hashlib.sha256(str(number).encode()).digest()[:24]
        for secret in (seed.hex(), base64.urlsafe_b64encode(seed).decode()):
            assert weakness_of(secret) is None


def test_a_password_in_a_malformed_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMOTE_CLASSIFIER_URL", "me:hush@triton:8000")
    with pytest.raises(BadSettings, match="REMOTE_CLASSIFIER_URL: must be an address") as caught:
        load_settings()
    assert "hush" not in str(caught.value)


def test_all_bad_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("MAX_BATCH_SIZE", "x")
    with pytest.raises(BadSettings, match=r"PORT(.|\n)*MAX_BATCH_SIZE"):
        load_settings()


def test_an_unknown_key_in_the_env_file_is_warned_of() -> None:
    Path(".env").write_text("GUEST_MAX_USEAGE=9\n# COMMENTED=1\nPORT=2600\n")
    assert load_settings().server.port == 2600
    (warned,) = unknown_keys()
    assert "GUEST_MAX_USEAGE" in warned
    assert "COMMENTED" not in warned
    assert "PORT" not in warned


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=2600\n")
    monkeypatch.setenv("PORT", "2700")
    assert load_settings().server.port == 2700


def test_connections_are_kept_for_longer_than_clients_and_proxies_keep_them() -> None:
    """Node.js and httpx keep one for 5 s, and nginx, load balancers and .NET for 60 s."""
    assert load_settings().connections.keep_alive_s > 60


def test_origins_may_be_a_comma_separated_or_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example/, https://b.example")
    assert load_settings().server.cors_origins == ("https://a.example", "https://b.example")
    monkeypatch.setenv("CORS_ORIGINS", '["https://a.example"]')
    assert load_settings().server.cors_origins == ("https://a.example",)


@pytest.mark.parametrize("proxies", ["*", "10.0.0.7", "10.0.0.7,172.28.0.0/24,fd00::/8"])
def test_proxies_are_addresses_or_networks_or_all(
    monkeypatch: pytest.MonkeyPatch, proxies: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    assert load_settings().server.forwarded_allow_ips == tuple(proxies.split(","))


@pytest.mark.parametrize(
    ("asked", "taken"),
    [("auto", "bundled"), ("bundled", "bundled"), ("YuNet", "yunet"), ("haar", "haar")],
)
def test_auto_chooses_the_bundled_detector(
    monkeypatch: pytest.MonkeyPatch, asked: str, taken: str
) -> None:
    Path("yunet.onnx").write_bytes(b"")
    monkeypatch.setenv("YUNET_MODEL", "yunet.onnx")
    monkeypatch.setenv("FACE_DETECTOR", asked)
    assert load_settings().vision.detector_choice == taken


@pytest.mark.parametrize(
    ("given", "choice", "named"),
    [
        ({"MONGODB_URI": "mongodb://me:hush@host/"}, "REPOSITORY=mongodb", "MONGODB_URI"),
        ({"CLOUDINARY_FOLDER": "faces"}, "IMAGE_STORE=cloudinary", "CLOUDINARY_FOLDER"),
        ({"FIREBASE_WEB_API_KEY": "x"}, "AUTH=firebase", "FIREBASE_WEB_API_KEY"),
        ({"HUGGINGFACE_MODEL": "me/mine"}, "CLASSIFIER=vit", "HUGGINGFACE_MODEL"),
        ({"REMOTE_CLASSIFIER_URL": "http://x"}, "CLASSIFIER=remote", "REMOTE_CLASSIFIER_URL"),
        ({"YUNET_MODEL": "mine.onnx"}, "FACE_DETECTOR=yunet", "YUNET_MODEL"),
        ({"HAAR_MIN_NEIGHBORS": "7"}, "FACE_DETECTOR=haar", "HAAR_MIN_NEIGHBORS"),
        ({"REDIS_PREFIX": "mine"}, "REDIS_URL", "REDIS_PREFIX"),
        ({"OTEL_SERVICE_NAME": "x"}, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME"),
    ],
)
def test_a_setting_without_effect_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], choice: str, named: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings().warnings() == [f"{named}: not used without {choice}"]


def test_nothing_is_warned_of_where_every_setting_has_its_default() -> None:
    lines = (f"{name}={value}" for name, value in documented().items())
    Path(".env").write_text("\n".join(lines))
    assert load_settings().warnings() == []


def test_a_video_larger_than_what_is_discarded_is_warned_of() -> None:
    (warning,) = load_settings(max_video_mb=500).warnings()
    assert warning.startswith("DISCARD_MB=256: make it larger than MAX_VIDEO_MB=500")
    assert load_settings(max_video_mb=500, discard_mb=500).warnings() != []
    assert load_settings(max_video_mb=500, discard_mb=501).warnings() == []


@pytest.mark.parametrize(
    "name", ["DATA_DIR", "YUNET_MODEL", "CLASSIFIER_WEIGHTS", "FIREBASE_SERVICE_ACCOUNT_FILE"]
)
def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    Path(".env").write_text(f"{name}=~/here")
    settings = load_settings()
    group = next(g for g in vars(settings).values() if name.lower() in type(g).model_fields)
    assert getattr(group, name.lower()) == Path("/somewhere/here")


def test_an_unknown_home_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "~nobody-of-this-name/x")
    with pytest.raises(BadSettings, match="DATA_DIR=~nobody-of-this-name/x: there is no home"):
        load_settings()
