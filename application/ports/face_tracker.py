"""Following faces from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.face import FaceDetection
from domain.tracking import FaceTrack


class FaceTracker(Protocol):
    """Follows the faces of one stream; each session has its own. Quick enough for the event loop.

    Times are seconds of a monotonic clock and never fall from call to call.

    Rules every tracker keeps:

    - Birth: in the first frame that was looked at every face is believed at once. Later a new face
      is told of from the second look that finds it, so that a false box seen once is never one.
    - A face keeps its number while it is seen, and through a gap of up to a second.
    - A face the detector missed once is still told of, at its predicted box; missed twice in a
      row, or seen only once so far, it is not told of until it is seen again.
    - Nobody is told of a box predicted for more than ``PREDICTED_FOR_S``.
    - Death: a face missed for more than a second is forgotten. Should it come back, it is a new
      one. A face that waits to be confirmed is forgotten at its first miss.
    """

    @property
    def wants_detection(self) -> bool:
        """Whether the next frame should be looked at because a face waits to be confirmed."""
        ...

    def rescale(self, factor: float) -> None:
        """From the next look on the frames show the same, so many times as large.

        Faces keep their numbers. None is told of until that look sees it, and it believes every
        face at once, as the first one did.
        """
        ...

    def forget(self) -> None:
        """From the next look on the frames show something else, of other measures.

        All faces are forgotten, and the next look is like the first one; numbers go on.
        """
        ...

    def update(self, detections: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """Take in what the detector found in a frame.

        Args:
            detections: boxes in the sender's pixels; may be empty.
            at_s: when the frame arrived.

        Returns:
            The faces in that frame, those seen with the detector's own box; largest first.
        """
        ...

    def predict(self, at_s: float) -> Sequence[FaceTrack]:
        """Tell where the faces are in a frame that no detector looked at; largest first."""
        ...
