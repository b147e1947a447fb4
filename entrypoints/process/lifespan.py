"""What runs beside the requests, and what is opened and closed around them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import EmotionClassifier
from entrypoints.container import Container

log = logging.getLogger(__name__)


@runtime_checkable
class _Closes(Protocol):
    """A part with threads of its own."""

    def close(self) -> None: ...


@asynccontextmanager
async def running(container: Container) -> AsyncIterator[None]:
    """Open what the parts need, keep the storing going, and close everything in reverse order."""
    # Two processes on one spool would each take what the other has finished for deleted.
    with container.spool_lock():
        await container.database().open()
        try:
            # Loads the models before any request.
            await asyncio.to_thread(container.detect_emotions)
            container.telemetry().gauge(
                "emotion_executor_waiting",
                "Jobs waiting for a thread",
                lambda: container.executor().waiting,
            )
            background = [
                asyncio.create_task(container.store_detection().run(), name="storing"),
                asyncio.create_task(container.forget_expired().run(), name="forgetting"),
            ]
            log.info(
                "detector %s, classifier %s",
                container.face_detector().name,
                _name_of(container.emotion_classifier()),
            )
            try:
                yield
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                await asyncio.to_thread(container.executor().close)
                for part in (
                    container.decoding_process(),
                    container.emotion_classifier(),
                    container.image_store(),
                    container.identity_provider(),
                ):
                    if isinstance(part, _Closes):
                        await asyncio.to_thread(part.close)
        finally:
            await container.database().close()


def _name_of(classifier: EmotionClassifier) -> str:
    try:
        return classifier.card.name
    except InferenceUnavailable as error:
        return f"({error})"
