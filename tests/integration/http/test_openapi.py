"""The service behaves as its OpenAPI document says."""

import asyncio
import sys
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.integration.http.service import Service, running_service

# What a schema cannot express: that a file has to be an image, that dates have to be in order, and
# how many files a setting allows.
CONFIG = """
[parameters]
detection_id = "{detection_id}"
code = "not_found"

[[operations]]
include-operation-id = [
    "detect_emotions", "detect_batch", "submit_video", "list_history", "export_history",
]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401"]

# A batch takes any files; what is wrong with one is told in the stream.
[[operations]]
include-operation-id = "detect_batch"
checks.negative_data_rejection.enabled = false
"""
RUNS = {"a user": "coverage,fuzzing,stateful", "a guest": "fuzzing"}


@pytest.mark.parametrize("who", RUNS)
async def test_schemathesis_finds_no_error(who, tmp_path):
    async with running_service(
        guest_max_usage=1_000_000, guest_max_usage_per_address=1_000_000
    ) as service:
        alice = await service.signed_in()
        detection_id = await service.stored(alice)
        (tmp_path / "schemathesis.toml").write_text(CONFIG.format(detection_id=detection_id))
        token = ["--header", "Authorization: " + alice.headers["Authorization"]]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", service.url + "/docs/openapi.json",
            "--max-examples", "6", "--seed", "1", "--generation-database", "none", "--no-color",
            "--phases", RUNS[who], *(token if who == "a user" else []),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        report, _ = await process.communicate()
        assert process.returncode == 0, report.decode()


@pytest.fixture
async def document(service: Service) -> dict[str, Any]:
    """The served document."""
    return (await (await service.client()).get("/docs/openapi.json")).json()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


async def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


async def test_every_call_has_a_name_a_summary_and_examples_of_its_problems(
    document: dict[str, Any],
) -> None:
    calls = operations(document)
    assert len({call["operationId"] for call in calls}) == len(calls)
    for call in calls:
        assert call["summary"]
        assert call["description"]
        assert call["tags"]
        for status, answer in call["responses"].items():
            if int(status) >= 400 and call["operationId"] != "readyz":
                problem = answer["content"]["application/problem+json"]
                assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert {each["value"]["status"] for each in problem["examples"].values()} == {
                    int(status)
                }


async def test_image_answers_are_documented_as_binary(document: dict[str, Any]) -> None:
    images = {
        kind: content["schema"].get("format")
        for call in operations(document)
        for kind, content in call["responses"].get("200", {}).get("content", {}).items()
        if kind.startswith("image/")
    }
    assert images.pop("image/svg+xml") is None
    assert set(images) == {
        f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "bmp", "avif")
    }
    assert set(images.values()) == {"binary"}
