"""docs/operations.md, run as it is."""

import json

import httpx

from tests.documents.following import PRINTED, follow, run
from tests.e2e.service_process import ServiceProcess, serving


def signed_in(site: ServiceProcess) -> httpx.Client:
    """A client of the user in the guide."""
    minted = run("emotion-api", "token", "--user", "alice@example.com", folder=site.folder)
    headers = {"Authorization": f"Bearer {minted.stdout.strip()}"}
    return httpx.Client(base_url=site.url, headers=headers, trust_env=False)


async def test_every_step_of_the_operations_guide_works(site: ServiceProcess) -> None:
    photograph = (site.folder / "photo.jpg").read_bytes()
    with signed_in(site) as alice:
        found = alice.post("/api/detect", files={"file": ("photo.jpg", photograph)}).json()
        status = f"/api/detect/status/{found['detection_id']}"
        while alice.get(status).json()["status"] == "pending":
            pass

    watched, *_ = follow("docs/operations.md", site.folder, instead={PRINTED: site.url})
    assert '{"status":"ok"}' in watched
    assert '"repository":"up"' in watched

    taken_along = json.loads((site.folder / "everything.json").read_text())
    assert [each["filename"] for each in taken_along] == ["photo.jpg"]
    with signed_in(site) as alice:
        assert alice.get("/api/history").json() == []
    assert not [path for path in (site.folder / "data" / "images").rglob("*") if path.is_file()]

    async with serving(site.folder, DATA_DIR="restored/data") as restored:
        with signed_in(restored) as alice:
            [kept] = alice.get("/api/history").json()
            assert kept["detection_id"] == found["detection_id"]
            assert alice.get(kept["image_url"]).content == photograph
