"""The embedded stores together: accepted detections survive a kill."""

import asyncio
from pathlib import Path

from adapters.filesystem import FileSystemDetectionSpool, FileSystemImageStore
from adapters.in_memory import InMemoryTelemetry
from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository, SqliteUserRepository
from adapters.system.clock import SystemClock
from application.ports.image_store import StoredImage
from domain.detection import StorageStatus
from tests.integration.killing import run_until_killed
from tests.samples import records_of
from tests.storing import Storing

JPEG = StoredImage(b"\xff\xd8 picture" * 1000, "image/jpeg")


class Stores:
    """All stores in one data folder."""

    def __init__(self, data: Path) -> None:
        self.database = SqliteDatabase(data / "emotions.db")
        self.repository = SqliteDetectionRepository(self.database)
        self.images = FileSystemImageStore(folder=data / "images", url_prefix="/api/images")
        self.spool = FileSystemDetectionSpool(folder=data / "spool", max_bytes=10**8)
        self.store = Storing(
            spool=self.spool,
            repository=self.repository,
            users=SqliteUserRepository(self.database),
            images=self.images,
            clock=SystemClock(),
            telemetry=InMemoryTelemetry(),
            give_up_after_s=3600,
        )


ACCEPTED_AND_KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.samples import make_detection
from tests.integration.test_storing_survives_a_kill import JPEG, Stores

async def main() -> None:
    stores = Stores(Path(sys.argv[1]))
    await stores.database.open()
    for number in range(5):
        detection = make_detection(filename=f"{number}.jpg", timestamp=datetime.now(UTC))
        await stores.store.accept(detection, JPEG)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_detections_accepted_before_a_kill_are_stored_after_the_restart(
    tmp_path: Path,
) -> None:
    await asyncio.to_thread(run_until_killed, ACCEPTED_AND_KILLED, tmp_path)
    stores = Stores(tmp_path)
    await stores.database.open()
    try:
        assert len(await stores.spool.waiting("alice")) == 5
        assert await stores.store.carry_due() is None
        found = await records_of(stores.repository)
        assert {d.filename for d in found} == {f"{number}.jpg" for number in range(5)}
        for detection in found:
            assert detection.storage is StorageStatus.DONE
            assert detection.image_url == f"/api/images/{detection.detection_id}"
            assert await stores.images.get("alice", detection.detection_id) == JPEG
        assert list(await stores.spool.waiting()) == []
    finally:
        await stores.database.close()
