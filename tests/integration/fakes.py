"""A fake behind every port of the real container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

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
)
from application.ports.clock import Clock
from entrypoints.container import Container
from entrypoints.settings import Settings

SECRET = "0123456789abcdef-secret-of-the-tests"
AnyClock = TypeVar("AnyClock", bound=Clock)


def container_with(**changes: object) -> Container:
    """The real container on the default settings but for ``changes``, whatever the environment."""
    settings = Settings(_env_file=None, secret_key=SecretStr(SECRET), **changes)
    return Container(settings=settings)


class Fakes(Generic[AnyClock]):
    """What stands behind a service: nothing is kept, and nobody has called yet."""

    def __init__(self, settings: Settings, clock: AnyClock) -> None:
        self.clock = clock
        self.decoder = InMemoryImageDecoder(max_pixels=settings.max_pixels)
        self.frame_decoder = InMemoryImageDecoder(max_pixels=settings.max_frame_pixels)
        self.detector = InMemoryFaceDetector()
        self.repository = InMemoryDetectionRepository()
        self.spool = InMemoryDetectionSpool()
        self.images = InMemoryImageStore()
        self.identity = InMemoryIdentityProvider()
        self.ledger = InMemoryUsageLedger()
        self._by_provider = {
            "clock": self.clock,
            "decoder": self.decoder,
            "frame_decoder": self.frame_decoder,
            "face_detector": self.detector,
            "emotion_classifier": InMemoryEmotionClassifier(),
            "annotator": InMemoryImageAnnotator(),
            "repository": self.repository,
            "spool": self.spool,
            "image_store": self.images,
            "users": InMemoryUserRepository(),
            "refresh_token_repository": InMemoryRefreshTokenRepository(),
            "usage_ledger": self.ledger,
            "identity_provider": self.identity,
        }

    @contextmanager
    def within(self, container: Container) -> Iterator[None]:
        """Let the container hand out these, until the block ends."""
        for name, fake in self._by_provider.items():
            getattr(container, name).override(providers.Object(fake))
        try:
            yield
        finally:
            for name in self._by_provider:
                getattr(container, name).reset_last_overriding()
