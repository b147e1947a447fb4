"""Pages that explain the kinds of problems, in the style of the page at ``/``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from http import HTTPStatus

import msgspec

from entrypoints.wire.problem_kinds import ProblemKind
from entrypoints.wire.problems import example

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{title} · Emotion API</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <link rel="icon" href="/web/icon.svg" type="image/svg+xml">
  <script src="/web/js/first-paint.js"></script>
  <link rel="stylesheet" href="/web/css/base.css">
  <link rel="stylesheet" href="/web/css/layout.css">
  <link rel="stylesheet" href="/web/css/problems.css">
</head>
<body>
  <header class="top">
    <a class="brand" href="/">
      <img src="/web/icon.svg" alt="" width="28" height="28"> Emotion API</a>
  </header>
  <main class="reading">
{content}
  </main>
  <footer class="foot">
    <p>Every error that the service returns is of one of these kinds.</p>
    <p><a href="/docs">Try the API</a> <a href="/redoc">API reference</a></p>
  </footer>
</body>
</html>
"""


def list_page(kinds: Sequence[ProblemKind]) -> bytes:
    """All kinds in a table, each linked to its own page."""
    rows = "\n".join(
        f'      <tr><td>{kind.status}</td><td><a href="{kind.type}">{escape(kind.title)}</a></td>'
        f"<td><code>{kind.code}</code></td><td>{_mark_up(kind.happened)}</td></tr>"
        for kind in sorted(kinds, key=lambda kind: kind.status)
    )
    return _page(
        "What can go wrong",
        f"""    <h1>What can go wrong</h1>
    <p>Errors are <code>application/problem+json</code> (RFC 9457). Programs branch on
      <code>code</code>; <code>type</code> leads to the page of the kind.</p>
    <div class="scrolled" role="group" aria-label="Kinds of problems" tabindex="0"><table>
      <thead><tr><th scope="col">Status</th><th scope="col">Problem</th>
        <th scope="col"><code>code</code></th><th scope="col">What happened</th></tr></thead>
      <tbody>
{rows}
      </tbody>
    </table></div>""",
    )


def kind_page(kind: ProblemKind) -> bytes:
    """One kind: what happened, why, what to do, and what an answer looks like."""
    status = f"{kind.status} {HTTPStatus(kind.status).phrase}"
    return _page(
        kind.title,
        f"""    <p class="small"><a href="/problems">What can go wrong</a></p>
    <h1>{escape(kind.title)}</h1>
    <p class="tags"><span class="tag">{escape(status)}</span>
      <code class="tag">{kind.code}</code></p>
    <h2>What happened</h2>
    <p>{_mark_up(kind.happened)}</p>
    <h2>Why</h2>
    <p>{_mark_up(kind.why)}</p>
    <h2>What to do</h2>
    <p>{_mark_up(kind.remedy)}</p>
    <h2>What an answer looks like</h2>
    <pre tabindex="0" aria-label="An answer of this kind">HTTP/1.1 {escape(status)}
Content-Type: application/problem+json

{escape(json.dumps(msgspec.to_builtins(example(kind)), indent=2), quote=False)}</pre>""",
    )


def _page(title: str, content: str) -> bytes:
    return _TEMPLATE.format(title=escape(title), content=content).encode()


def _mark_up(text: str) -> str:
    """Text as HTML, with code between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
