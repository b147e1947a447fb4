"""Reading emotions on an inference server, with batches over all callers."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.executor import WorkExecutor
from adapters.open_inference.classifier import OpenInferenceCropClassifier
from application.work.priority import Priority
from domain.face import (
    BOX_ITSELF,
    BoxFraming,
    FaceDetection,
    FaceReading,
)
from domain.image import Image


class OpenInferenceEmotionClassifier(BatchingEmotionClassifier):
    """Cuts crops here, and has them scored on the server.

    The calls have threads of their own, which only wait for the network, so that a slow server does
    not block decoding and detection. While all threads wait, the crops of all callers collect for
    the next call.

    Args:
        model: calls the server.
        executor: cuts the crops.
        connections: how many calls may run at once.
        framing: of the detector that finds the faces.
    """

    def __init__(
        self,
        *,
        model: OpenInferenceCropClassifier,
        executor: WorkExecutor,
        connections: int,
        framing: BoxFraming = BOX_ITSELF,
    ) -> None:
        self._server = model
        self._server_calls = WorkExecutor(connections)
        super().__init__(
            model=model,
            executor=executor,
            framing=framing,
            calls=self._server_calls,
        )

    async def check(self) -> None:
        """Check the server; see the port."""
        # A busy server that answers other calls is not reported as down.
        if not self._server.is_fine:
            await self._server_calls.run(self._server.check)

    async def classify(
        self,
        image: Image,
        faces: Sequence[FaceDetection],
        *,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Sequence[FaceReading]:
        """Read the emotion of each face; see the port."""
        if faces and self._server.is_in_doubt:
            await self._server_calls.run(self._server.check, priority=priority)
        return await super().classify(image, faces, priority=priority)

    def close(self) -> None:
        """Stop the threads after their calls, and close the connections."""
        self._server_calls.close()
        self._server.close()
