"""Working fakes of the ports for tests; each can be made to fail. The service uses none of them."""

from adapters.in_memory.clock import InMemoryClock
from adapters.in_memory.detection_repository import InMemoryDetectionRepository
from adapters.in_memory.detection_spool import InMemoryDetectionSpool
from adapters.in_memory.face_tracker import InMemoryFaceTracker
from adapters.in_memory.identity_provider import InMemoryIdentityProvider
from adapters.in_memory.image_store import InMemoryImageStore
from adapters.in_memory.images import (
    InMemoryEmotionClassifier,
    InMemoryFaceDetector,
    InMemoryImageAnnotator,
    InMemoryImageDecoder,
    Scene,
    SceneFace,
    fake_image,
    reading_of,
)
from adapters.in_memory.refresh_token_repository import InMemoryRefreshTokenRepository
from adapters.in_memory.session_places import InMemorySessionPlaces
from adapters.in_memory.telemetry import InMemoryTelemetry
from adapters.in_memory.token_service import InMemoryTokenService
from adapters.in_memory.usage_ledger import InMemoryUsageLedger
from adapters.in_memory.user_repository import InMemoryUserRepository
from adapters.in_memory.video_reader import InMemoryVideoReader, fake_video
from adapters.in_memory.video_repository import InMemoryVideoRepository
from adapters.in_memory.video_store import InMemoryVideoStore

__all__ = [
    "InMemoryClock",
    "InMemoryDetectionRepository",
    "InMemoryDetectionSpool",
    "InMemoryEmotionClassifier",
    "InMemoryFaceDetector",
    "InMemoryFaceTracker",
    "InMemoryIdentityProvider",
    "InMemoryImageAnnotator",
    "InMemoryImageDecoder",
    "InMemoryImageStore",
    "InMemoryRefreshTokenRepository",
    "InMemorySessionPlaces",
    "InMemoryTelemetry",
    "InMemoryTokenService",
    "InMemoryUsageLedger",
    "InMemoryUserRepository",
    "InMemoryVideoReader",
    "InMemoryVideoRepository",
    "InMemoryVideoStore",
    "Scene",
    "SceneFace",
    "fake_image",
    "fake_video",
    "reading_of",
]
