"""Settings choose the cloud stack; missing ones are named before anything starts."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dependency_injector.providers import Provider

from adapters.cloudinary import CloudinaryImageStore
from adapters.firebase import FirebaseIdentityProvider
from adapters.mongodb import MongoDetectionRepository
from adapters.redis import RedisMessageChannel, RedisSessionPlaces
from application.errors import ServiceUnavailable
from entrypoints.container import Container
from entrypoints.settings import SETTINGS, BadSettings, load_settings

CLOUDINARY = {
    "IMAGE_STORE": "cloudinary",
    "CLOUDINARY_CLOUD_NAME": "demo",
    "CLOUDINARY_API_KEY": "1",
    "CLOUDINARY_API_SECRET": "hush-hush",
}
MONGODB = {"REPOSITORY": "mongodb", "MONGODB_URI": "mongodb://user:hush-hush@127.0.0.1:9/"}
INFERENCE_SERVER = {"CLASSIFIER": "remote", "REMOTE_CLASSIFIER_URL": "http://127.0.0.1:9"}
SECRET_KEY = "of-these-tests-0123456789abcdefghij"
REDIS = {**MONGODB, "REDIS_URL": "redis://:hush-hush@127.0.0.1:9/0", "SECRET_KEY": SECRET_KEY}
EMULATOR = {
    "AUTH": "firebase",
    "ENVIRONMENT": "development",
    "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9",
    "FIREBASE_PROJECT_ID": "demo-emotion",
}

Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.setenv(name.upper(), "")  # restored at the end, whatever the test sets

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"REPOSITORY": "mongodb"}, ["MONGODB_URI"]),
        (
            {"IMAGE_STORE": "cloudinary"},
            ["CLOUDINARY_CLOUD_NAME", "CLOUDINARY_API_KEY", "CLOUDINARY_API_SECRET"],
        ),
        ({"AUTH": "firebase"}, ["FIREBASE_SERVICE_ACCOUNT_B64"]),
        ({"CLASSIFIER": "remote"}, ["REMOTE_CLASSIFIER_URL"]),
        ({**REDIS, "SECRET_KEY": ""}, ["SECRET_KEY"]),
        ({**EMULATOR, "FIREBASE_PROJECT_ID": ""}, ["FIREBASE_PROJECT_ID"]),
        ({**EMULATOR, "GOOGLE_CLIENT_ID": "any"}, ["FIREBASE_WEB_API_KEY"]),
    ],
)
def test_missing_settings_of_a_choice_are_named(
    environment: Environment, choice: dict[str, str], named: list[str]
) -> None:
    environment(**choice)
    with pytest.raises(BadSettings) as refused:
        load_settings()
    for name in named:
        assert f"{name}: is needed because of" in str(refused.value)


def test_processes_that_share_redis_share_their_stores(environment: Environment) -> None:
    environment(**{**REDIS, "REPOSITORY": "sqlite"})
    with pytest.raises(BadSettings, match=r"REDIS_URL: .* only with REPOSITORY=mongodb"):
        load_settings()


@pytest.mark.parametrize("auth", ["local", "firebase"])
def test_the_firebase_emulator_is_refused_outside_development(
    environment: Environment, auth: str
) -> None:
    environment(**EMULATOR)
    environment(AUTH=auth, ENVIRONMENT="production")
    with pytest.raises(BadSettings, match="FIREBASE_AUTH_EMULATOR_HOST"):
        load_settings()


@pytest.mark.parametrize("encoded", ["not base64!", base64.b64encode(b"no JSON").decode()])
def test_a_malformed_service_account_is_refused_without_being_repeated(
    environment: Environment, encoded: str
) -> None:
    environment(AUTH="firebase", FIREBASE_SERVICE_ACCOUNT_B64=encoded)
    with pytest.raises(BadSettings, match="FIREBASE_SERVICE_ACCOUNT_B64") as refused:
        load_settings()
    assert encoded not in str(refused.value)


def test_the_service_account_comes_as_text_or_as_a_file(environment: Environment) -> None:
    key = json.dumps({"type": "service_account"})
    environment(AUTH="firebase")
    environment(FIREBASE_SERVICE_ACCOUNT_B64=base64.b64encode(key.encode()).decode())
    assert load_settings().accounts.firebase_service_account == key
    Path("key.json").write_text(key)
    environment(FIREBASE_SERVICE_ACCOUNT_B64="", FIREBASE_SERVICE_ACCOUNT_FILE="key.json")
    assert load_settings().accounts.firebase_service_account == key


def test_one_of_two_service_accounts_is_refused(environment: Environment) -> None:
    environment(AUTH="firebase", FIREBASE_SERVICE_ACCOUNT_FILE="key.json")
    environment(FIREBASE_SERVICE_ACCOUNT_B64=base64.b64encode(b"{}").decode())
    with pytest.raises(BadSettings, match=r"FIREBASE_SERVICE_ACCOUNT_FILE: .* not both"):
        load_settings()


def test_no_secret_shows_when_settings_are_printed(environment: Environment) -> None:
    environment(**CLOUDINARY, **REDIS)
    assert "hush-hush" not in repr(load_settings())


async def test_settings_alone_choose_the_cloud(environment: Environment) -> None:
    environment(**CLOUDINARY, **REDIS, **EMULATOR)
    container = Container(settings=load_settings())
    assert isinstance(container.stores().repository(), MongoDetectionRepository)
    images, identities = container.stores().images(), container.accounts().identity_provider()
    assert isinstance(images, CloudinaryImageStore)
    assert isinstance(identities, FirebaseIdentityProvider)
    assert isinstance(container.realtime().session_places(), RedisSessionPlaces)
    assert isinstance(container.realtime().message_channel(), RedisMessageChannel)
    images.close()
    identities.close()


@pytest.mark.parametrize(
    ("package", "extra", "adapter", "choice", "part"),
    [
        ("motor", "mongodb", "mongodb", MONGODB, lambda it: it.stores().database),
        ("cloudinary", "cloudinary", "cloudinary", CLOUDINARY, lambda it: it.stores().images),
        (
            "firebase_admin",
            "firebase",
            "firebase",
            EMULATOR,
            lambda it: it.accounts().identity_provider,
        ),
        ("redis", "redis", "redis", REDIS, lambda it: it.realtime().message_channel),
        (
            "httpx",
            "remote",
            "open_inference",
            INFERENCE_SERVER,
            lambda it: it.vision().crop_classifier,
        ),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    extra: str,
    adapter: str,
    choice: dict[str, str],
    part: Callable[[Container], Provider[object]],
) -> None:
    environment(**choice)
    settings = load_settings()
    forgotten = (f"{package}.", f"adapters.{adapter}.")
    for name in [name for name in sys.modules if f"{name}.".startswith(forgotten)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ServiceUnavailable, match=rf"pip install 'emotion-api\[{extra}\]'"):
        part(Container(settings=settings))()


def test_an_unreachable_redis_stops_the_start_with_one_line(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", "from entrypoints.cli import main; main()", "serve"],
        cwd=tmp_path,
        env={**os.environ, **REDIS, "PYTHONPATH": str(Path(__file__).parents[3]), "PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 2
    assert started.stdout == ""
    assert started.stderr == ("error: REDIS_URL: Redis does not answer at redis://127.0.0.1:9/0\n")


def test_the_embedded_service_imports_no_cloud_driver() -> None:
    program = (
        "import sys; import entrypoints.process.asgi; "
        "print([n for n in ('motor', 'pymongo', 'cloudinary', 'firebase_admin', 'google') "
        "if n in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
