"""The dependencies of handlers by parameter name, and their providers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.di import Provide

from entrypoints.container import Container
from entrypoints.http.media_urls import media_urls
from entrypoints.http.metrics import MetricsText
from entrypoints.http.queries import history_filter


def dependencies(container: Container) -> dict[str, Provide]:
    """Every dependency of the handlers; providers are called per request, so overrides apply."""
    vision, stores, accounts = container.vision(), container.stores(), container.accounts()
    detection, video = container.detection(), container.video()
    metrics_text = MetricsText(container.system().metrics().registry)
    given: dict[str, Callable[[], Any]] = {
        "settings": container.settings,
        "metrics_text": lambda: metrics_text,
        "message_channel": container.realtime().message_channel,
        "face_detector": vision.face_detector,
        "emotion_classifier": vision.emotion_classifier,
        "repository": stores.repository,
        "spool": stores.spool,
        "image_store": stores.images,
        "identity_provider": accounts.identity_provider,
        "link_signer": accounts.link_signer,
        "sign_in": accounts.sign_in,
        "sign_in_by_code": accounts.sign_in_by_code,
        "renew_sign_in": accounts.renew_sign_in,
        "meter": accounts.meter,
        "detect_emotions": detection.detect_emotions,
        "detect_batch": detection.detect_batch,
        "record_semaphore": detection.record_semaphore,
        "read_history": detection.read_history,
        "erase_history": detection.erase_history,
        "show_image": detection.show_image,
        "submit_video": video.submit_video,
        "read_videos": video.read_videos,
        "erase_videos": stores.erase_videos,
    }
    made = {name: _given_by(provider) for name, provider in given.items()}
    return made | {
        "media_urls": Provide(media_urls),
        "history_filter": Provide(history_filter, sync_to_thread=False),
    }


def container_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Container:
    """The container, for guards: they run before dependencies are made."""
    container: Container = connection.app.state.container
    return container


def _given_by(provider: Callable[[], Any]) -> Provide:
    def give() -> Any:
        return provider()

    # The provided object exists by then, or is made without waiting.
    return Provide(give, sync_to_thread=False)
