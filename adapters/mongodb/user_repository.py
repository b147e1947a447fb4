"""Users in MongoDB."""

from __future__ import annotations

from motor.motor_asyncio import AsyncIOMotorDatabase

from adapters.mongodb.database import MongoDatabase
from adapters.mongodb.documents import Document, user_from_document, user_to_document
from adapters.mongodb.indexes import USERS
from domain.user import User

_Database = AsyncIOMotorDatabase[Document]


class MongoUserRepository:
    """Keeps one document a user."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    async def put(self, user: User) -> None:
        """Keep a user; the first ``created_at`` stays."""
        changed = user_to_document(user)
        first = {"created_at": changed.pop("created_at")}
        key = {"_id": changed.pop("_id")}

        async def upsert(database: _Database) -> None:
            await database[USERS].update_one(
                key, {"$set": changed, "$setOnInsert": first}, upsert=True
            )

        await self._database.run(upsert)

    async def get(self, user_id: str) -> User | None:
        """The user, or None."""

        async def fetch(database: _Database) -> User | None:
            document = await database[USERS].find_one({"_id": user_id})
            return None if document is None else user_from_document(document)

        return await self._database.run(fetch)
