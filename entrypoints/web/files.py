"""The files of the page, in memory and compressed."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from domain.emotion import EMOTION_COLOURS, Emotion
from domain.formats import (
    IMAGE_FORMATS,
    IMAGE_FORMATS_IN_WORDS,
    VIDEO_FORMATS,
    VIDEO_FORMATS_IN_WORDS,
)
from entrypoints.settings import Settings

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
# The Socket.IO client is not part of this repository: npm puts it here.
_SOCKET_IO_CLIENT = _HERE / "node_modules" / "socket.io-client" / "dist" / "socket.io.esm.min.js"
_SOCKET_IO_NAME = "vendor/socket.io.js"
_COLOURS_NAME = "css/emotions.css"
_SAMPLES = "samples/"
_MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file.

    Attributes:
        data: its bytes.
        compressed: the same by gzip.
        media_type: for example ``text/css; charset=utf-8``.
        etag: changes with the bytes.
    """

    data: bytes
    compressed: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The page itself, and what it loads, by the path under ``/web/``."""

    index: PageFile
    others: Mapping[str, PageFile]

    @property
    def samples(self) -> Mapping[str, bytes]:
        """The encoded images that visitors may try, by their names."""
        return {
            name.removeprefix(_SAMPLES): file.data
            for name, file in self.others.items()
            if name.startswith(_SAMPLES)
        }


def load_page_files(settings: Settings) -> PageFiles:
    """Read the files from disk: a few hundred kilobytes, once at the start."""
    paths = {path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*.*")}
    if _SOCKET_IO_CLIENT.is_file():
        paths[_SOCKET_IO_NAME] = _SOCKET_IO_CLIENT
    template = paths.pop("index.html").read_text(encoding="utf-8")
    known = {
        "apiPrefix": settings.server.api_prefix,
        "maxUploadBytes": settings.detection.max_upload_bytes,
        "maxVideoBytes": settings.video.limits.max_bytes,
        "maxBatchSize": settings.detection.max_batch_size,
        "minFaceSize": settings.vision.face_detect_min_size,
        "imageFormats": IMAGE_FORMATS_IN_WORDS,
        "videoFormats": VIDEO_FORMATS_IN_WORDS,
        "imageSuffixes": [suffix for each in IMAGE_FORMATS for suffix in each.suffixes],
        "videoSuffixes": [suffix for each in VIDEO_FORMATS for suffix in each.suffixes],
        "emotions": list(Emotion),
        "auth": settings.accounts.auth,
        "firebase": settings.accounts.firebase_sign_in_address
        and {
            "address": settings.accounts.firebase_sign_in_address,
            "apiKey": settings.accounts.firebase_web_api_key,
            "googleClientId": settings.accounts.google_client_id,
        },
        "socketIoClient": f"/web/{_SOCKET_IO_NAME}" if _SOCKET_IO_NAME in paths else None,
        # They are tried in this order: WebSocket is the better one.
        "socketIoTransports": sorted(
            settings.realtime.socketio_transports.split(","), reverse=True
        ),
    }
    chips = " ".join(f'<span class="chip" data-emotion="{each}">{each}</span>' for each in Emotion)
    index = template.replace("{{settings}}", escape(json.dumps(known)))
    index = index.replace("{{emotions}}", chips)
    others = {name: _page_file(path.read_bytes(), path.suffix) for name, path in paths.items()}
    others[_COLOURS_NAME] = _page_file(_colours().encode(), ".css")
    return PageFiles(index=_page_file(index.encode(), ".html"), others=others)


def _colours() -> str:
    """A style sheet that gives an element with ``data-emotion`` the colour of its emotion."""
    return "".join(
        f'[data-emotion="{emotion}"] {{ --emotion: {colour}; }}\n'
        for emotion, colour in EMOTION_COLOURS.items()
    )


def _page_file(data: bytes, suffix: str) -> PageFile:
    return PageFile(
        data=data,
        compressed=gzip.compress(data, mtime=0),
        media_type=_MEDIA_TYPES[suffix],
        etag=hashlib.sha256(data).hexdigest()[:20],
    )
