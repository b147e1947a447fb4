import base64
import os
from urllib.parse import quote

import pytest

from domain.errors import InvalidImage
from domain.session import MAX_FRAME_BYTES
from entrypoints.wire.frame_data import sent_image

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 3
PREFIX = b"data:image/jpeg;base64,"


def with_line_breaks(text: bytes, line: int, line_break: bytes) -> bytes:
    return line_break.join(text[i : i + line] for i in range(0, len(text), line)) + line_break


def written(picture: bytes) -> dict[str, bytes]:
    """An image in the encodings that clients send."""
    plain = base64.b64encode(picture)
    url_safe = base64.urlsafe_b64encode(picture)
    forms = {
        "plain": plain,
        "without padding": plain.rstrip(b"="),
        "URL-safe": url_safe,
        "URL-safe without padding": url_safe.rstrip(b"="),
        "Python and Android": with_line_breaks(plain, 76, b"\n"),
        "MIME": with_line_breaks(plain, 76, b"\r\n"),
        "PEM": with_line_breaks(plain, 64, b"\n"),
    }
    uris = {f"{name} in a URI": PREFIX + text for name, text in forms.items()}
    capitals = {"in capitals": b"DATA:IMAGE/JPEG;BASE64," + plain}
    percent = {"percent-encoded": PREFIX + quote(plain, safe="").encode()}
    return {"raw": picture, **forms, **uris, **capitals, **percent}


@pytest.mark.parametrize("form", written(b""))
async def test_image_data_is_read_in_every_common_encoding(form: str) -> None:
    for length in range(len(JPEG) - 3, len(JPEG) + 1):
        picture = JPEG[:length]
        data = written(picture)[form]
        assert await sent_image(data).read() == picture
        if form != "raw":
            assert await sent_image(data.decode()).read() == picture


@pytest.mark.parametrize("form", written(b""))
def test_an_image_of_a_mebibyte_is_not_too_large_in_any_encoding(form: str) -> None:
    picture = JPEG + os.urandom(MAX_FRAME_BYTES + 1 - len(JPEG))
    fits, too_large = written(picture[:MAX_FRAME_BYTES])[form], written(picture)[form]
    assert sent_image(fits if form == "raw" else fits.decode()).size_bytes <= MAX_FRAME_BYTES
    assert (
        sent_image(too_large if form == "raw" else too_large.decode()).size_bytes > MAX_FRAME_BYTES
    )
    assert sent_image(too_large).size_bytes > MAX_FRAME_BYTES


@pytest.mark.parametrize(
    "picture",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"RIFF\x24\x08\x00\x00WEBPVP8 ",
        b"GIF89a\x80\x02\xe0\x01\xf7\x00\x00\xff\xff\xff",
        b"BM\x36\x10\x0e\x00\x00\x00\x00\x00\x36\x00\x00\x00",
        b"II*\x00\x08\x00\x00\x00\x10\x00\xfe\x00\x04\x00",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
    ],
)
async def test_image_bytes_are_never_decoded_as_base64(picture: bytes) -> None:
    assert await sent_image(picture).read() == picture


@pytest.mark.parametrize(
    "data", [b"AAAAA", b"data:image/jpeg;base64", b"data:,%%%", b"/9j/" * 9 + b"?"]
)
async def test_text_that_is_not_base64_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="base64"):
        await sent_image(data).read()


def test_a_long_data_uri_prefix_counts_towards_the_size() -> None:
    assert sent_image("data:" + "x" * 2**21 + ",AAAA").size_bytes > MAX_FRAME_BYTES
