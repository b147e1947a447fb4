"""docs/realtime.md, run as it is; the browser example is tested in tests/e2e/browser."""

from tests.documents.following import PRINTED, follow
from tests.e2e.service_process import ServiceProcess


def test_both_clients_stream_and_receive_tracked_faces(site: ServiceProcess) -> None:
    said = follow("docs/realtime.md", site.folder, instead={PRINTED: site.url})
    _, javascript, python = said
    for printed in (javascript, python):
        assert "face_1" in printed
        assert "happy" in printed
    assert "received: 20" in javascript
    assert "'received': 20" in python
