"""Users in MongoDB."""

from __future__ import annotations

from datetime import datetime

from bson.int64 import Int64

from adapters.moments import from_us, from_us_or_none, to_us
from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import user_from_document, user_to_document
from adapters.mongodb.indexes import ACCOUNT_ENDS, USERS
from adapters.records import ACCOUNT_END_KEPT, account_key
from application.ports.user_repository import AccountEnd
from domain.user import User


class MongoUserRepository:
    """Keeps one document per user."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def put(self, user: User) -> None:
        """Keep a user; the first ``created_at`` stays."""
        changed = user_to_document(user)
        first = {"created_at": changed.pop("created_at")}
        key = {"_id": changed.pop("_id")}
        async with self._database.call() as database:
            await database[USERS].update_one(
                key, {"$set": changed, "$setOnInsert": first}, upsert=True
            )

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""
        async with self._database.call() as database:
            document = await database[USERS].find_one({"_id": user_id})
            return None if document is None else user_from_document(document)

    async def delete(self, user_id: str) -> bool:
        """Delete a user."""
        async with self._database.call() as database:
            return (await database[USERS].delete_one({"_id": user_id})).deleted_count > 0

    async def end(self, user_id: str, at: datetime, *, erased: bool) -> None:
        """Note that the account was ended; the server deletes the note after its time."""
        ended = {"sign_ins_ended_at_us": Int64(to_us(at)), "known_until": at + ACCOUNT_END_KEPT}
        if erased:
            ended["erased_at_us"] = Int64(to_us(at))
        async with self._database.call() as database:
            await database[ACCOUNT_ENDS].update_one(
                {"_id": account_key(user_id)}, {"$set": ended}, upsert=True
            )

    async def end_of(self, user_id: str) -> AccountEnd | None:
        """When the account was last ended."""
        async with self._database.call() as database:
            found = await database[ACCOUNT_ENDS].find_one({"_id": account_key(user_id)})
            if found is None:
                return None
            return AccountEnd(
                from_us(found["sign_ins_ended_at_us"]), from_us_or_none(found.get("erased_at_us"))
            )
