"""Everything that is kept in one MongoDB database."""

from __future__ import annotations

from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.detection_repository import MongoDetectionRepository
from adapters.mongodb.refresh_token_repository import MongoRefreshTokenRepository
from adapters.mongodb.usage_ledger import MongoUsageLedger
from adapters.mongodb.user_repository import MongoUserRepository
from adapters.mongodb.video_repository import MongoVideoRepository


class MongoStores:
    """One database and the repositories in it."""

    def __init__(self, database: MongoDatabase) -> None:
        self.database = database
        self.detections = MongoDetectionRepository(database)
        self.users = MongoUserRepository(database)
        self.refresh_tokens = MongoRefreshTokenRepository(database)
        self.usage = MongoUsageLedger(database)
        self.videos = MongoVideoRepository(database)
