"""A fake for every port of the real container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, TypeVar

from dependency_injector import providers
from pydantic import SecretStr

from adapters.in_memory import (
    InMemoryDetectionRepository,
    InMemoryDetectionSpool,
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryIdentityProvider,
    InMemoryImageAnnotator,
    InMemoryImageDecoder,
    InMemoryImageStore,
    InMemoryRefreshTokenRepository,
    InMemoryUsageLedger,
    InMemoryUserRepository,
    InMemoryVideoReader,
    InMemoryVideoRepository,
    InMemoryVideoStore,
)
from application.ports.clock import Clock
from entrypoints.container import Container
from entrypoints.settings import Settings, load_settings

SECRET = "0123456789abcdef-secret-of-the-tests"
AnyClock = TypeVar("AnyClock", bound=Clock)


def container_with(**changes: object) -> Container:
    """The real container with default settings and ``changes``, whatever the environment."""
    chosen: dict[str, Any] = {"secret_key": SecretStr(SECRET), **changes}
    return Container(settings=load_settings(env_file=None, **chosen))


class Fakes(Generic[AnyClock]):
    """Fresh fakes for every port of a service."""

    def __init__(self, settings: Settings, clock: AnyClock) -> None:
        self.clock = clock
        self.decoder = InMemoryImageDecoder(max_pixels=settings.vision.max_pixels)
        self.frame_decoder = InMemoryImageDecoder(max_pixels=settings.vision.max_frame_pixels)
        self.detector = InMemoryFaceDetector()
        self.repository = InMemoryDetectionRepository()
        self.spool = InMemoryDetectionSpool()
        self.images = InMemoryImageStore()
        self.videos = InMemoryVideoRepository()
        self.video_files = InMemoryVideoStore()
        self.identity = InMemoryIdentityProvider()
        self.ledger = InMemoryUsageLedger()

    @contextmanager
    def within(self, container: Container) -> Iterator[None]:
        """Override the container's providers with these fakes for the length of the block."""
        vision, stores = container.vision(), container.stores()
        replaced: list[tuple[providers.Provider[Any], object]] = [
            (container.system().clock, self.clock),
            (vision.decoder, self.decoder),
            (vision.frame_decoder, self.frame_decoder),
            (vision.face_detector, self.detector),
            (vision.emotion_classifier, InMemoryEmotionClassifier()),
            (vision.annotator, InMemoryImageAnnotator()),
            (stores.repository, self.repository),
            (stores.spool, self.spool),
            (stores.images, self.images),
            (stores.videos, self.videos),
            (stores.video_files, self.video_files),
            (container.video().video_reader, InMemoryVideoReader()),
            (stores.users, InMemoryUserRepository()),
            (stores.refresh_tokens, InMemoryRefreshTokenRepository()),
            (stores.usage_ledger, self.ledger),
            (container.accounts().identity_provider, self.identity),
        ]
        with ExitStack() as stack:
            for provider, fake in replaced:
                stack.enter_context(provider.override(providers.Object(fake)))
            yield
