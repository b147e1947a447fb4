"""A client generated from the OpenAPI document calls the service."""

import subprocess
import sys

import pytest

from tests.documents.following import PRINTED, blocks, run
from tests.e2e.service_process import ServiceProcess

GUEST = """
from emotion_client import Client
from emotion_client.api.accounts import get_usage
from emotion_client.api.detection import detect_emotions
from emotion_client.models import DetectEmotionsBody, Detection, Problem
from emotion_client.types import File

client = Client(base_url={url!r})
with open("photo.jpg", "rb") as photo:
    found = detect_emotions.sync(client=client, body=DetectEmotionsBody(File(photo, "photo.jpg")))
assert isinstance(found, Detection)
[face] = found.detection_results.faces
assert face.dominant_emotion == "happy"
assert [each.emotion for each in face.emotions][0] == "happy"
with open(__file__, "rb") as text:
    refused = detect_emotions.sync(client=client, body=DetectEmotionsBody(File(text, "a.jpg")))
assert isinstance(refused, Problem)
assert refused.code == "invalid_image"
assert get_usage.sync(client=client).is_guest
"""
USER = """
from emotion_client import AuthenticatedClient, Client
from emotion_client.api.accounts import sign_in
from emotion_client.api.detection import detect_emotions, get_storage_status
from emotion_client.api.history import (
    delete_detection, get_annotated_image, get_detection, get_image, get_timeline, list_history
)
from emotion_client.models import DetectEmotionsBody, Emotion, IdToken
from emotion_client.types import File

signed_in = sign_in.sync(client=Client(base_url={url!r}), body=IdToken({id_token!r}))
client = AuthenticatedClient(base_url={url!r}, token=signed_in.access_token)
with open("photo.jpg", "rb") as photo:
    found = detect_emotions.sync(client=client, body=DetectEmotionsBody(File(photo, "photo.jpg")))
[kept] = list_history.sync(client=client, emotion=Emotion.HAPPY)
assert kept.detection_id == found.detection_id
assert get_detection.sync(kept.detection_id, client=client).filename == "photo.jpg"
while get_storage_status.sync(kept.detection_id, client=client).status.value == "pending":
    pass
with open("photo.jpg", "rb") as photo:
    assert get_image.sync(kept.detection_id, client=client).payload.read() == photo.read()
drawn = get_annotated_image.sync(kept.detection_id, client=client)
assert drawn.payload.read(3) == bytes.fromhex("ffd8ff")
assert get_timeline.sync(kept.detection_id, client=client).code == "not_found"
assert delete_detection.sync_detailed(kept.detection_id, client=client).status_code == 204
assert list_history.sync(client=client) == []
"""


@pytest.fixture(scope="module")
def generated(site: ServiceProcess) -> ServiceProcess:
    """The site, with a client in its folder."""
    commands = [each.text for each in blocks("docs/rest.md") if "generator" in each.text][-1]
    run("bash", "-euo", "pipefail", "-c", commands.replace(PRINTED, site.url), folder=site.folder)
    return site


def call(site: ServiceProcess, program: str, **values: str) -> None:
    file = site.folder / "call.py"
    file.write_text(program.format(url=site.url, **values))
    run(sys.executable, str(file), folder=site.folder)


def test_a_guest_sends_an_image_and_reads_results_and_problems(generated: ServiceProcess) -> None:
    call(generated, GUEST)


def test_a_user_signs_in_and_works_with_the_history(generated: ServiceProcess) -> None:
    minted = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "token", "--user", "carol@example.com"],
        cwd=generated.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    call(generated, USER, id_token=minted.stdout.strip())
