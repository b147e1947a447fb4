"""docs/rest.md, run as it is."""

import csv

from tests.documents.following import PRINTED, follow
from tests.e2e.service_process import ServiceProcess


def test_every_step_of_the_rest_guide_works(site: ServiceProcess) -> None:
    said = follow("docs/rest.md", site.folder, instead={PRINTED: site.url})
    guest, _, _, batch, _, _, wrong, python, _, javascript = said
    assert '"dominant_emotion":"happy"' in guest
    assert batch.count('"status":"completed"') == 2
    assert '"code":"invalid_image"' in wrong
    assert python.strip().startswith("happy")
    assert python.count("photo.jpg completed") == 2
    assert javascript.strip().startswith("happy")
    assert (site.folder / "drawn.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (site.folder / "original.jpg").read_bytes() == (site.folder / "photo.jpg").read_bytes()
    rows = list(csv.DictReader((site.folder / "history.csv").read_text().splitlines()))
    assert len(rows) == 2
    assert (site.folder / "emotion_client" / "client.py").is_file()
