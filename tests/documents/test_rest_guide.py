"""docs/rest.md, to the letter."""

import csv

import pytest

from tests.documents.snippets import blocks, run
from tests.e2e.browser.site import Site

PRINTED = "http://localhost:2508"


def test_every_curl_command_works_in_the_order_given(site: Site) -> None:
    script = "\n".join(block.text for block in blocks("rest.md", "sh")).replace(PRINTED, site.url)
    done = run("bash", "-euo", "pipefail", folder=site.folder, stdin=script)
    assert '"dominant_emotion":"happy"' in done.stdout
    assert done.stdout.count('"status":"completed"') == 2
    assert '"code":"invalid_image"' in done.stdout
    assert (site.folder / "drawn.jpg").read_bytes().startswith(b"\xff\xd8")
    rows = list(csv.DictReader((site.folder / "history.csv").read_text().splitlines()))
    assert len(rows) == 2
    assert (site.folder / "emotion_client" / "client.py").is_file()


@pytest.mark.parametrize(("language", "program"), [("python", "python"), ("js", "node")])
def test_the_programs_find_the_face(site: Site, language: str, program: str) -> None:
    [block] = blocks("rest.md", language)
    file = site.folder / f"snippet.{'mjs' if language == 'js' else 'py'}"
    file.write_text(block.text.replace(PRINTED, site.url))
    done = run(program, str(file), folder=site.folder)
    assert done.stdout.startswith("happy")
    if language == "python":
        assert done.stdout.count("photo.jpg completed") == 2
