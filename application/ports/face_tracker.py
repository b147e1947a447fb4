"""Following faces from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.face import FaceDetection
from domain.tracking import FaceTrack


class FaceTracker(Protocol):
    """Follows the faces of one session or video, which has a tracker of its own.

    Quick enough for the event loop. Times are seconds of a monotonic clock and never fall from call
    to call.

    Rules every tracker keeps:

    - Birth: every face in the first frame with a detection is reported at once. Later a new face is
      reported when a second detection confirms it, so that a false box seen once never becomes a
      track; ``unconfirmed`` then says where it was in the first.
    - A face keeps its number while it is seen, and through a gap of up to a second and a half: one
      that is hidden for a second is missing for longer between two detections.
    - A face that the detector missed once is still reported, at its predicted box. A face missed
      twice in a row, or seen only once so far, is not reported until it is seen again.
    - A box predicted for more than ``PREDICTED_FOR_S`` is not reported.
    - Death: a face missed for longer is forgotten; if it comes back, it is a new one. A face that
      waits to be confirmed is forgotten at its first miss.
    """

    @property
    def wants_detection(self) -> bool:
        """Whether the detector should run on the next frame: a face waits to be confirmed."""
        ...

    @property
    def misses_a_face(self) -> bool:
        """Whether a known face was missed, and may be found again."""
        ...

    def rescale(self, factor: float) -> None:
        """From the next detection on, frames show the same scene scaled by this factor.

        Faces keep their numbers. None is reported until that detection sees it, and it reports
        every face at once, as the first one did.
        """
        ...

    def forget(self) -> None:
        """From the next detection on, frames show another scene or have another size.

        All faces are forgotten, and the next detection counts as the first one; numbers continue.
        """
        ...

    def update(
        self, detections: Sequence[FaceDetection], at_s: float, *, min_size_px: int = 0
    ) -> Sequence[FaceTrack]:
        """Update the tracks with what the detector found in a frame.

        Args:
            detections: boxes in the sender's pixels; may be empty.
            at_s: when the frame arrived.
            min_size_px: of the longer side of a face that begins a track; a smaller one counts only
                as a face that was of this size before.

        Returns:
            The faces in that frame, those seen with the detector's own box; largest first.
        """
        ...

    def expected(self, at_s: float) -> Sequence[FaceDetection]:
        """The faces to look for, with the boxes where they should be now.

        A face that was missed once is among them, one missed twice in a row is not. A box may reach
        over the edge of the frame, and may be a guess, after a second for example.
        """
        ...

    def follow(self, seen: Sequence[FaceDetection], at_s: float) -> Sequence[FaceTrack]:
        """Update the tracks with faces of a frame that was not searched as a whole.

        A face that is not among them was not looked for: it counts as neither seen nor missed, and
        its box is predicted. One that is among them is where it is now, but a search that missed it
        still counts, so that following keeps no face that searches do not find.

        Args:
            seen: faces that were looked for where they were expected; empty if none was.
            at_s: when the frame arrived.

        Returns:
            As ``update``.
        """
        ...
