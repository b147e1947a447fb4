"""Downloading the YuNet model file and verifying its checksum."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from application.errors import InferenceUnavailable

REPOSITORY = "opencv/face_detection_yunet"
FILE = "face_detection_yunet_2026may.onnx"
SHA256 = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"
SIZE_BYTES = 229_738

_TIMEOUT_S = 20
_BLOCK_BYTES = 16_384


class YuNetFile:
    """The YuNet model file, at the path from the settings.

    Attributes:
        path: of the file on this machine.
        size_bytes: of the file.
    """

    def __init__(
        self,
        *,
        path: Path,
        endpoint: str,
        sha256: str = SHA256,
        size_bytes: int = SIZE_BYTES,
    ) -> None:
        """Describe the file: its path, its source and its checksum.

        Args:
            path: of the model file on this machine.
            endpoint: address of the model hub, such as ``https://huggingface.co``.
            sha256: of the file's content, in hexadecimal.
            size_bytes: of the file.
        """
        self.path = path
        self._sha256 = sha256
        self.size_bytes = size_bytes
        self._url = f"{endpoint.rstrip('/')}/{REPOSITORY}/resolve/main/{FILE}"

    def is_intact(self) -> bool:
        """Whether the file exists with the right checksum."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest() == self._sha256
        except OSError:
            return False

    def pull(self, on_bytes: Callable[[int], None]) -> None:
        """Download the file, verify it, and then put it in its place.

        A different file in that place, such as an older edition, is not replaced.

        Args:
            on_bytes: called with the number of bytes received so far, out of ``size_bytes``.

        Raises:
            InferenceUnavailable: the hub cannot be reached or sent another file, or a different
                file is in its place already.
            OSError: the file cannot be written.
        """
        if self.path.exists() and not self.is_intact():
            raise InferenceUnavailable(
                f"YUNET_MODEL={self.path} is another file than {FILE} (its SHA-256 differs) and "
                "was not replaced: remove it, or set YUNET_MODEL to another path"
            )
        content = self._download(on_bytes)
        if hashlib.sha256(content).hexdigest() != self._sha256:
            raise InferenceUnavailable(
                f"{self._url} is not the expected file (its SHA-256 differs) and was discarded"
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        os.replace(file.name, self.path)

    def _download(self, on_bytes: Callable[[int], None]) -> bytes:
        content = bytearray()
        request = Request(self._url, headers={"User-Agent": "emotion-api"})
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as response:
                # One byte too many shows that it is another file.
                while len(content) <= self.size_bytes and (block := response.read(_BLOCK_BYTES)):
                    content += block
                    on_bytes(len(content))
        except HTTPError as error:
            error.close()
            raise InferenceUnavailable(
                f"{self._url} cannot be downloaded: the hub answers {error.code} {error.reason}"
            ) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise InferenceUnavailable(f"{self._url} cannot be downloaded: {reason}") from error
        return bytes(content)
