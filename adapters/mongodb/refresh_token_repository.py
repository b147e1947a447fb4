"""Refresh tokens in MongoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

from adapters.moments import from_us, to_us
from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import Document, token_to_document
from adapters.mongodb.indexes import REFRESH_TOKENS
from application.ports.refresh_token_repository import RefreshTokenRecord

_Database = AsyncIOMotorDatabase[Document]
_REVOKED = {"$set": {"state": "revoked"}}


class MongoRefreshTokenRepository:
    """Keeps each token's digest and whether it stands, was used, or is revoked.

    No transaction is needed, so a single server without a replica set serves as well.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""

        async def insert(database: _Database) -> None:
            try:
                await database[REFRESH_TOKENS].insert_one(token_to_document(record))
            except DuplicateKeyError:
                return

        await self._database.run(insert)

    async def rotate(
        self, digest: str, successor_digest: str, successor_expires_at: datetime, now: datetime
    ) -> RefreshTokenRecord | None:
        """Use a token once and put its successor in its place."""

        async def rotate(database: _Database) -> RefreshTokenRecord | None:
            record = await _standing(database, digest, now)
            if record is None:
                return None
            successor = replace(record, digest=successor_digest, expires_at=successor_expires_at)
            # The successor is there before its predecessor is used up, so that a revocation of
            # family or user that comes in between finds it. Nobody knows its secret yet.
            await database[REFRESH_TOKENS].insert_one(token_to_document(successor))
            used = await database[REFRESH_TOKENS].update_one(
                {"_id": digest, "state": "standing"}, {"$set": {"state": "used"}}
            )
            if used.matched_count:
                return successor
            await database[REFRESH_TOKENS].delete_one({"_id": successor_digest})
            await _standing(database, digest, now)
            return None

        return await self._database.run(rotate)

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user."""

        async def revoke(database: _Database) -> int:
            result = await database[REFRESH_TOKENS].update_many(
                {"user_id": user_id, "state": "standing"}, _REVOKED
            )
            return result.modified_count

        return await self._database.run(revoke)

    async def delete_expired(self, now: datetime) -> int:
        """Forget tokens past their time, ahead of the server, which looks once a minute."""

        async def delete(database: _Database) -> int:
            result = await database[REFRESH_TOKENS].delete_many(
                {"expires_at_us": {"$lte": to_us(now)}}
            )
            return result.deleted_count

        return await self._database.run(delete)


async def _standing(database: _Database, digest: str, now: datetime) -> RefreshTokenRecord | None:
    """The token if it may still be used; one that was used before revokes its family."""
    document = await database[REFRESH_TOKENS].find_one({"_id": digest})
    if document is None:
        return None
    record = RefreshTokenRecord(
        digest, document["user_id"], document["family_id"], from_us(document["expires_at_us"])
    )
    if document["state"] == "used":
        await database[REFRESH_TOKENS].update_many(
            {"family_id": record.family_id, "state": "standing"}, _REVOKED
        )
    if document["state"] != "standing" or record.expires_at <= now:
        return None
    return record
