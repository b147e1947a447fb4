"""A camera that speaks RTSP (RFC 2326) and sends H.264 over the same connection (RFC 6184)."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

import av
import numpy as np

from tests.clips import Picture

_RATE = 10
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track\r\n"
)
_SDP_OF_SOUND = "m=audio 0 RTP/AVP 0\r\na=control:sound\r\n"


@dataclass
class RtspCamera:
    """Sends the same frame repeatedly to every client.

    Attributes:
        url: where it is.
        connections: number of clients so far.
        frames: sent to each client before the connection is closed; None for no limit.
        freezes: the connection is left open then.
        sounds: it sends sound from then on.
    """

    picture: Picture
    frames: int | None = None
    freezes: bool = False
    sounds: bool = False
    url: str = ""
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client."""
        sending: asyncio.Task[None] | None = None
        sdp = _SDP + (_SDP_OF_SOUND if self.sounds else "")
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                request = request[request.index(re.findall(r"[A-Z_]{4,} rtsp", request)[0]) :]
                method = request.split(" ", 1)[0]
                number = re.findall(r"CSeq: (\d+)", request)[0]
                head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n"
                if method == "DESCRIBE":
                    head += f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n"
                if method == "SETUP":
                    channels = re.findall(r"interleaved=[\d-]+", request)[0]
                    head += f"Transport: RTP/AVP/TCP;unicast;{channels}\r\n"
                writer.write((head + "\r\n" + (sdp if method == "DESCRIBE" else "")).encode())
                if method == "PLAY":
                    self.connections += 1
                    sending = asyncio.create_task(self._send(writer))
                if method == "TEARDOWN":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            if sending is not None:
                sending.cancel()
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        sequence = 0
        for number, units in enumerate(_encoded(self.picture)):
            if number == self.frames:
                if self.sounds:
                    await _send_silence(writer)
                if not self.freezes:
                    writer.close()
                return
            for at, unit in enumerate(units):
                marker = 0x80 if at == len(units) - 1 else 0
                stamp = number * 90_000 // _RATE
                writer.write(_packet(0, marker | 96, sequence, stamp, unit))
                sequence = (sequence + 1) % 65_536
            await writer.drain()
            await asyncio.sleep(1 / _RATE)


async def _send_silence(writer: asyncio.StreamWriter) -> None:
    for number in count():
        writer.write(_packet(2, 0, number % 65_536, number * 800, b"\xff" * 800))
        await writer.drain()
        await asyncio.sleep(0.1)


def _packet(channel: int, kind: int, sequence: int, stamp: int, content: bytes) -> bytes:
    packet = struct.pack(">BBHII", 0x80, kind, sequence, stamp, 7 + channel) + content
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


@asynccontextmanager
async def rtsp_camera(
    picture: Picture,
    *,
    frames: int | None = None,
    freezes: bool = False,
    sounds: bool = False,
) -> AsyncIterator[RtspCamera]:
    """A camera for the length of the block."""
    camera = RtspCamera(picture, frames, freezes, sounds)
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
    camera.url = f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"
    try:
        yield camera
    finally:
        server.close()


def _encoded(picture: Picture) -> Iterator[list[bytes]]:
    """The NAL units of frame after frame, each small enough for a packet."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, _RATE)
    encoder.options = {
        "tune": "zerolatency", "preset": "ultrafast", "crf": "28",
        "x264-params": "repeat-headers=1:keyint=5:slice-max-size=60000",
    }  # fmt: skip
    number = 0
    while True:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, _RATE)
        number += 1
        for packet in encoder.encode(frame):
            yield [unit for unit in re.split(rb"\x00\x00\x00?\x01", bytes(packet)) if unit]
