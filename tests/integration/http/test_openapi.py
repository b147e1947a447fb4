"""The served OpenAPI document and the service keep each other's promises."""

import asyncio
import sys

import pytest

from tests.integration.http.service import running_service

# What a schema cannot say: that a file has to be an image, that dates have to be in order, and how
# many files a setting lets in.
CONFIG = """
[parameters]
detection_id = "{detection_id}"
code = "not_found"

[[operations]]
include-operation-id = ["detect_emotions", "detect_batch", "list_history", "export_history"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401"]

# A batch takes any files; what is wrong with one is told in the stream.
[[operations]]
include-operation-id = "detect_batch"
checks.negative_data_rejection.enabled = false
"""
RUNS = {"a user": "coverage,fuzzing,stateful", "a guest": "fuzzing"}


@pytest.mark.parametrize("who", RUNS)
async def test_schemathesis_finds_no_fault(who, tmp_path):
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
