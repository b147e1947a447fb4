"""History, users, refresh tokens, usage and videos in one SQLite file: the embedded default."""

from adapters.sqlite.database import SqliteDatabase
from adapters.sqlite.detection_repository import SqliteDetectionRepository
from adapters.sqlite.refresh_token_repository import SqliteRefreshTokenRepository
from adapters.sqlite.usage_ledger import SqliteUsageLedger
from adapters.sqlite.user_repository import SqliteUserRepository
from adapters.sqlite.video_repository import SqliteVideoRepository

__all__ = [
    "SqliteDatabase",
    "SqliteDetectionRepository",
    "SqliteRefreshTokenRepository",
    "SqliteUsageLedger",
    "SqliteUserRepository",
    "SqliteVideoRepository",
]
