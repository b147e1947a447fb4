"""A double of Cloudinary that checks signatures as the original does and can fail."""

import asyncio
import base64
import hashlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import encode_basic_auth, web
from aiohttp.typedefs import Handler

from adapters.circuit_breaker import CircuitBreaker
from adapters.cloudinary import (
    CloudinaryClient,
    CloudinaryImageStore,
    CloudinaryUrls,
    CloudinaryVideoStore,
)
from adapters.filesystem import ReceivingFolder

CLOUD = "demo"
API_KEY = "123456789012345"
API_SECRET = "not-the-real-secret"

_UNSIGNED = {"file", "api_key", "signature", "resource_type", "cloud_name"}
_DELIVERED = re.compile(
    r"(?P<type>upload|authenticated)/(?:s--(?P<signature>[\w-]{8})--/)?"
    r"(?P<changes>(?:[a-z]+_[^/]+/)*)v1/(?P<public_id>.+)"
)


@dataclass
class CloudinaryDouble:
    """Images by delivery type and public id, and switches for its behaviour.

    ``on_upload`` is called when an image arrives, and again when it is stored.
    """

    images: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    videos: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: Counter[str] = field(default_factory=Counter)
    refusal: int | None = None
    nonsense: tuple[int, bytes] | None = None
    breaks_off: bool = False
    delay_s: float = 0.0
    pings: int = 0
    url: str = ""
    on_upload: Callable[[], None] = lambda: None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _parts: dict[str, bytearray] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

    def hold(self) -> None:
        """Answer no request until ``release``."""
        self._open.clear()

    def release(self) -> None:
        """Answer waiting and later requests."""
        self._open.set()

    def behave(self) -> None:
        """Work normally."""
        self.refusal = None
        self.nonsense = None
        self.breaks_off = False
        self.delay_s = 0.0
        self.release()

    async def start(self, port: int = 0) -> Self:
        """Listen on loopback."""
        self.release()
        app = web.Application(client_max_size=64 * 2**20, middlewares=[self._misbehave])
        app.router.add_post("/v1_1/{cloud}/image/upload", self._upload)
        app.router.add_post("/v1_1/{cloud}/image/destroy", self._destroy)
        app.router.add_get("/v1_1/{cloud}/ping", self._ping)
        app.router.add_get("/{cloud}/image/{rest:.+}", self._deliver)
        app.router.add_post("/v1_1/{cloud}/video/upload", self._upload_video)
        app.router.add_post("/v1_1/{cloud}/video/destroy", self._destroy_video)
        app.router.add_get("/{cloud}/video/{rest:.+}", self._deliver_video)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        host, bound = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{bound}"
        return self

    async def stop(self) -> None:
        """Stop listening; ``start`` with the same port brings it back with its images."""
        if self._runner is not None:
            self.release()
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        """Its port, also after ``stop``."""
        return int(self.url.rpartition(":")[2])

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self.delay_s)
        await self._open.wait()
        if self.breaks_off:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if self.refusal is not None:
            return _fault(self.refusal, "not now")
        if self.nonsense is not None:
            status, body = self.nonsense
            return web.Response(status=status, body=body, content_type="application/json")
        return await handler(request)

    async def _upload(self, request: web.Request) -> web.Response:
        self.on_upload()
        form = await request.post()
        if fault := _unsigned(form):
            return fault
        part = form["file"]
        assert isinstance(part, web.FileField)
        key = (str(form.get("type", "upload")), str(form["public_id"]))
        data = part.file.read()
        if not data:
            return _fault(400, "Empty file")
        self.uploads[key[1]] += 1
        # The original looks at the content; tests upload any bytes, so the name decides.
        media_type = f"image/{part.filename.rpartition('.')[2]}"
        if form.get("overwrite") == "1" or form.get("overwrite") == "true":
            self.images[key] = (data, media_type)
        else:
            self.images.setdefault(key, (data, media_type))
        self.on_upload()
        return web.json_response({"public_id": key[1], "version": 1, "bytes": len(data)})

    async def _destroy(self, request: web.Request) -> web.Response:
        form = await request.post()
        if fault := _unsigned(form):
            return fault
        key = (str(form.get("type", "upload")), str(form["public_id"]))
        gone = self.images.pop(key, None)
        return web.json_response({"result": "ok" if gone else "not found"})

    async def _upload_video(self, request: web.Request) -> web.Response:
        form = await request.post()
        if fault := _unsigned(form):
            return fault
        part = form["file"]
        assert isinstance(part, web.FileField)
        first, last, size = map(int, re.findall(r"\d+", request.headers["Content-Range"]))
        parts = self._parts.setdefault(request.headers["X-Unique-Upload-Id"], bytearray())
        if first != len(parts):
            return _fault(400, "a part is missing")
        parts += part.file.read()
        public_id = str(form["public_id"])
        if last + 1 < size:
            return web.json_response({"done": False, "public_id": public_id})
        self.videos[str(form.get("type", "upload")), public_id] = bytes(parts)
        return web.json_response({"public_id": public_id, "version": 1, "bytes": len(parts)})

    async def _destroy_video(self, request: web.Request) -> web.Response:
        form = await request.post()
        if fault := _unsigned(form):
            return fault
        gone = self.videos.pop((str(form.get("type", "upload")), str(form["public_id"])), None)
        return web.json_response({"result": "not found" if gone is None else "ok"})

    async def _deliver_video(self, request: web.Request) -> web.Response:
        asked = _asked(request)
        if isinstance(asked, web.Response):
            return asked
        data = self.videos.get((asked["type"], asked["public_id"]))
        if data is None:
            return web.Response(status=404)
        wanted = request.http_range
        start, stop, _ = wanted.indices(len(data))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        return web.Response(
            status=206, body=data[start:stop], headers=headers, content_type="video/mp4"
        )

    async def _ping(self, request: web.Request) -> web.Response:
        self.pings += 1
        if request.headers.get("Authorization") != encode_basic_auth(API_KEY, API_SECRET):
            return _fault(401, "unknown api_key")
        return web.json_response({"status": "ok"})

    async def _deliver(self, request: web.Request) -> web.Response:
        asked = _asked(request)
        if isinstance(asked, web.Response):
            return asked
        image = self.images.get((asked["type"], asked["public_id"]))
        if image is None:
            return web.Response(status=404)
        return web.Response(body=image[0], content_type=image[1])


@asynccontextmanager
async def cloudinary_double() -> AsyncIterator[CloudinaryDouble]:
    """A double for the length of the block."""
    double = await CloudinaryDouble().start()
    try:
        yield double
    finally:
        await double.stop()


def image_store_at(
    double: CloudinaryDouble,
    *,
    is_authenticated: bool = True,
    timeout_s: float = 30,
    api_secret: str = API_SECRET,
    breaker: CircuitBreaker | None = None,
) -> CloudinaryImageStore:
    """The real adapter, connected to the double."""
    return CloudinaryImageStore(
        urls=_urls(double, api_secret, is_authenticated=is_authenticated),
        client=_client(
            double,
            api_secret,
            timeout_s=timeout_s,
            breaker=breaker or CircuitBreaker("Cloudinary"),
        ),
    )


def video_store_at(
    double: CloudinaryDouble, folder: Path, *, is_authenticated: bool = True
) -> CloudinaryVideoStore:
    """The real adapter for videos, connected to the double."""
    return CloudinaryVideoStore(
        urls=_urls(double, API_SECRET, is_authenticated=is_authenticated),
        client=_client(double, API_SECRET, timeout_s=30, breaker=CircuitBreaker("Cloudinary")),
        received=ReceivingFolder(folder).received,
    )


def _urls(double: CloudinaryDouble, api_secret: str, *, is_authenticated: bool) -> CloudinaryUrls:
    return CloudinaryUrls(
        cloud_name=CLOUD,
        api_secret=api_secret,
        folder="emotions",
        is_authenticated=is_authenticated,
        delivery_url=double.url,
    )


def _client(
    double: CloudinaryDouble, api_secret: str, *, timeout_s: float, breaker: CircuitBreaker
) -> CloudinaryClient:
    return CloudinaryClient(
        cloud_name=CLOUD,
        api_key=API_KEY,
        api_secret=api_secret,
        timeout_s=timeout_s,
        breaker=breaker,
        upload_prefix=double.url,
    )


def _asked(request: web.Request) -> re.Match[str] | web.Response:
    """The file that a delivery address names, or the refusal of an unsigned one."""
    asked = _DELIVERED.fullmatch(request.match_info["rest"])
    if request.match_info["cloud"] != CLOUD or asked is None:
        return web.Response(status=404)
    signed = f"{asked['changes']}{asked['public_id']}{API_SECRET}"
    signature = base64.urlsafe_b64encode(hashlib.sha1(signed.encode()).digest())[:8].decode()
    if asked["type"] == "authenticated" and asked["signature"] != signature:
        return web.Response(status=401)
    return asked


def _unsigned(form: object) -> web.Response | None:
    """The refusal of a request without a valid recent signature of this account."""
    fields = {k: v for k, v in form.items() if k not in _UNSIGNED}  # type: ignore[attr-defined]
    signed = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    expected = hashlib.sha1((signed + API_SECRET).encode()).hexdigest()
    if form["api_key"] != API_KEY or form["signature"] != expected:  # type: ignore[index]
        return _fault(401, "Invalid Signature")
    if abs(time.time() - int(fields["timestamp"])) > 3600:
        return _fault(400, "Stale request")
    return None


def _fault(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)
