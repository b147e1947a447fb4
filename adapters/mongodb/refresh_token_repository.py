"""Refresh tokens in MongoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bson.int64 import Int64
from pymongo.errors import DuplicateKeyError

from adapters.moments import from_us_or_none, to_us
from adapters.mongodb.database import Database, MongoDatabase
from adapters.mongodb.documents import Document, token_from_document, token_to_document
from adapters.mongodb.indexes import REFRESH_TOKENS
from application.ports.refresh_token_repository import (
    MAX_PER_USER,
    RefreshTokenRecord,
    is_in_grace,
)

_REVOKED = {"$set": {"state": "revoked"}}


class MongoRefreshTokenRepository:
    """Keeps each token's digest and whether it is valid, used or revoked.

    No transaction is needed, so a single server without a replica set works as well.
    """

    def __init__(self, database: MongoDatabase, max_per_user: int = MAX_PER_USER) -> None:
        self._database = database
        self._max_per_user = max_per_user

    async def add(self, record: RefreshTokenRecord) -> None:
        """Keep a new token."""
        async with self._database.call() as database:
            try:
                await database[REFRESH_TOKENS].insert_one(token_to_document(record))
            except DuplicateKeyError:
                return
            await self._delete_the_oldest(database, record)

    async def find(self, digest: str) -> RefreshTokenRecord | None:
        """The token, valid or not."""
        async with self._database.call() as database:
            document = await database[REFRESH_TOKENS].find_one({"_id": digest})
            return None if document is None else token_from_document(document)

    async def rotate(
        self,
        digest: str,
        successor_digest: str,
        successor_expires_at: datetime,
        now: datetime,
        *,
        grace_s: float = 0.0,
    ) -> RefreshTokenRecord | None:
        """Use a token and add its successor."""
        async with self._database.call() as database:
            record = await _usable(database, digest, now, grace_s)
            if record is None:
                return None
            tokens = database[REFRESH_TOKENS]
            successor = replace(record, digest=successor_digest, expires_at=successor_expires_at)
            # The successor is added before its predecessor is used up, so that a revocation of the
            # family or user in between finds it. Its secret is not known to anybody yet.
            await tokens.insert_one(token_to_document(successor))
            first = await tokens.update_one(
                {"_id": digest, "state": "standing"},
                {"$set": {"state": "used", "used_at_us": Int64(to_us(now))}},
            )
            if first.matched_count or await _usable(database, digest, now, grace_s) is not None:
                await self._delete_the_oldest(database, successor)
                return successor
            await tokens.delete_one({"_id": successor_digest})
            return None

    async def revoke_user(self, user_id: str) -> int:
        """Revoke every token of a user."""
        async with self._database.call() as database:
            ended = await database[REFRESH_TOKENS].distinct(
                "family_id", {"user_id": user_id, "state": "standing"}
            )
            await _revoke(database, {"user_id": user_id})
            return len(ended)

    async def delete_user(self, user_id: str) -> None:
        """Delete every token of a user."""
        async with self._database.call() as database:
            await database[REFRESH_TOKENS].delete_many({"user_id": user_id})

    async def delete_expired(self, until: datetime) -> int:
        """Delete tokens that expired by then; the server does so too."""
        async with self._database.call() as database:
            result = await database[REFRESH_TOKENS].delete_many(
                {"expires_at_us": {"$lte": to_us(until)}}
            )
            return result.deleted_count

    async def _delete_the_oldest(self, database: Database, added: RefreshTokenRecord) -> None:
        tokens = database[REFRESH_TOKENS]
        excess = await tokens.count_documents({"user_id": added.user_id}) - self._max_per_user
        for states in (["used", "revoked"], ["standing"]):
            if excess <= 0:
                return
            others = {"user_id": added.user_id, "_id": {"$ne": added.digest}}
            oldest = tokens.find({**others, "state": {"$in": states}}, {"_id": True})
            found = await oldest.sort("expires_at_us", 1).limit(excess).to_list(excess)
            gone = await tokens.delete_many({"_id": {"$in": [each["_id"] for each in found]}})
            excess -= gone.deleted_count


async def _usable(
    database: Database, digest: str, now: datetime, grace_s: float
) -> RefreshTokenRecord | None:
    """The token if it may be used now; reuse after the grace revokes the family."""
    document = await database[REFRESH_TOKENS].find_one({"_id": digest})
    if document is None:
        return None
    record = token_from_document(document)
    used_at = from_us_or_none(document.get("used_at_us"))
    if document["state"] == "used" and not is_in_grace(used_at, now, grace_s):
        await _revoke(database, {"family_id": record.family_id})
        return None
    if document["state"] == "revoked" or record.expires_at <= now:
        return None
    return record


async def _revoke(database: Database, those: Document) -> None:
    """Revoke tokens, and successors that are added meanwhile.

    A successor is added before its predecessor is checked again, so it is found after all tokens
    from the first query are revoked.
    """
    query = {**those, "state": {"$ne": "revoked"}}
    while (await database[REFRESH_TOKENS].update_many(query, _REVOKED)).modified_count:
        pass
