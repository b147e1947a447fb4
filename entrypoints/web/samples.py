"""What the service says of the page's samples, so that trying one costs a guest nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from application.use_cases.detect_emotions import DetectEmotions
from application.work.priority import Priority
from domain.detection import Detection
from domain.image import EncodedImage
from domain.user import Guest

# The results are the same for all visitors, so they name none of them.
_NOBODY = Guest("guest:samples", "", datetime.fromtimestamp(0, UTC))


class SampleDetections:
    """Analyses each sample once, when it is first asked for.

    Args:
        samples: the encoded images by name.
    """

    def __init__(self, samples: Mapping[str, bytes]) -> None:
        self._samples = samples
        self._known: dict[str, Detection] = {}
        # One at a time: however many visitors ask, a sample takes one place in the queue.
        self._turn = asyncio.Lock()

    async def of(self, name: str, detect_emotions: DetectEmotions) -> Detection:
        """What a sample shows.

        Raises:
            KeyError: there is no such sample.
            Overloaded, ServiceUnavailable: see ``DetectEmotions``; the next request tries again.
        """
        image = EncodedImage.of(self._samples[name], name)
        async with self._turn:
            if name not in self._known:
                self._known[name] = await detect_emotions.analyse(_NOBODY, image, Priority.GUEST)
            return self._known[name]
