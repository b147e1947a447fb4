"""History, users, refresh tokens, usage and videos in MongoDB, which several hosts can share."""

from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.detection_repository import MongoDetectionRepository
from adapters.mongodb.older_history import older_history
from adapters.mongodb.refresh_token_repository import MongoRefreshTokenRepository
from adapters.mongodb.usage_ledger import MongoUsageLedger
from adapters.mongodb.user_repository import MongoUserRepository
from adapters.mongodb.video_repository import MongoVideoRepository

__all__ = [
    "MongoDatabase",
    "MongoDetectionRepository",
    "MongoRefreshTokenRepository",
    "MongoUsageLedger",
    "MongoUserRepository",
    "MongoVideoRepository",
    "older_history",
]
