"""What runs in the background, and what is opened at the start and closed at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.errors import InferenceUnavailable, ServiceUnavailable
from application.ports.emotion_classifier import EmotionClassifier
from application.ports.identity_provider import IdentityProvider
from application.ports.image_store import ImageStore
from application.work.background import in_background
from entrypoints.container import Container
from entrypoints.process.gauges import register_gauges

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(container: Container) -> AsyncIterator[None]:
    """Open the stores, run the background tasks, and close everything in reverse order."""
    vision, stores = container.vision(), container.stores()
    # Of two processes on one spool, each would treat records stored by the other as deleted.
    with stores.spool_lock():
        await stores.database().open()
        try:
            # Loads the models before any request.
            await asyncio.to_thread(container.detection().detect_emotions)
            working_on_videos = await asyncio.to_thread(container.video().work)
            register_gauges(container)
            log.info(
                "detector %s, classifier %s; an image is analysed %s",
                vision.face_detector().name,
                _name_of(vision.emotion_classifier()),
                vision.face_analyser().way,
            )
            try:
                async with in_background(
                    storing=stores.carrier().run(),
                    forgetting=stores.forget_expired().run(),
                    videos=working_on_videos.run(),
                    checking=_warn_of_faults(container),
                ):
                    yield
            finally:
                await asyncio.to_thread(vision.executor().close)
                for part in (
                    vision.decoding_process(),
                    vision.emotion_classifier(),
                    stores.images(),
                    stores.video_files(),
                    container.accounts().identity_provider(),
                ):
                    close = getattr(part, "close", None)
                    if close is not None:  # It has threads or connections.
                        await asyncio.to_thread(close)
        finally:
            await stores.database().close()
            tracing = container.system().tracing()
            if tracing is not None:
                await asyncio.to_thread(tracing.close)


async def _warn_of_faults(container: Container) -> None:
    """Say once what an operator should know before the first user meets it.

    A wrong key of the image store shows nowhere else: images wait in the spool then.
    """
    settings = container.settings()
    parts: dict[str, ImageStore | IdentityProvider] = {
        f"IMAGE_STORE={settings.stores.image_store}": container.stores().images(),
        f"AUTH={settings.accounts.auth}": container.accounts().identity_provider(),
    }
    for setting, part in parts.items():
        try:
            await part.check()
        except ServiceUnavailable as error:
            log.warning("%s: %s", setting, error)
        except Exception:
            log.exception("%s could not be checked", setting)


def _name_of(classifier: EmotionClassifier) -> str:
    try:
        return classifier.card.name
    except InferenceUnavailable as error:
        return f"({error})"
