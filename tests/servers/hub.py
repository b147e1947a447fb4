"""A double of a model hub, with the few calls that downloading a repository makes."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "c0ffee" * 6 + "beef"


@dataclass
class HubDouble:
    """Files by repository and path, at one commit, and a switch that makes every answer fail.

    Attributes:
        files: content of each file of each repository.
        asked_for: paths of the files that were downloaded.
        refusal: status of every answer, and the hub's word for the reason.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    url: str = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a request."""
        if self.refusal is not None:
            status, word = self.refusal
            return status, {"X-Error-Code": word}, b"{}"
        parts = urlsplit(path).path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._facts("/".join(parts[2:4]), parts[4:])
        repository, revision, name = "/".join(parts[:2]), parts[3:4], "/".join(parts[4:])
        content = self.files.get(repository, {}).get(name)
        if content is None or revision not in (["main"], [COMMIT]):
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return 200, headers, content

    def _facts(self, repository: str, rest: list[str]) -> tuple[int, dict[str, str], bytes]:
        files = self.files.get(repository)
        if files is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if rest and rest[1] not in ("main", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        facts: object
        if rest[:1] == ["tree"]:
            facts = [
                {
                    "type": "file",
                    "path": path,
                    "size": len(content),
                    "oid": hashlib.sha1(content).hexdigest(),
                }
                for path, content in files.items()
            ]
        else:
            facts = {
                "id": repository,
                "sha": COMMIT,
                "siblings": [{"rfilename": path} for path in files],
            }
        return 200, {"Content-Type": "application/json"}, json.dumps(facts).encode()


@contextmanager
def hub_double() -> Iterator[HubDouble]:
    """An empty hub on this machine."""
    double = HubDouble()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            status, headers, body = double.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                if "/resolve/" in self.path:
                    double.asked_for.append(self.path.split("/", 5)[-1])
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
