"""Firebase's Auth emulator, and its administration."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.processes import missing, running

PROJECT = "demo-emotion"
_HOME = Path(__file__).parents[1] / "firebase"


@dataclass(frozen=True)
class FirebaseEmulator:
    """A running emulator; ``host`` is what FIREBASE_AUTH_EMULATOR_HOST wants."""

    host: str

    async def sign_up(self, email: str, password: str = "a long password") -> dict[str, Any]:
        """Make an account; the answer holds ``idToken`` and ``localId``."""
        body = {"email": email, "password": password, "returnSecureToken": True}
        return await self._call("accounts:signUp", body)

    async def sign_in(self, email: str, password: str = "a long password") -> dict[str, Any]:
        """Sign in to an account; the answer holds a new ``idToken``."""
        body = {"email": email, "password": password, "returnSecureToken": True}
        return await self._call("accounts:signInWithPassword", body)

    async def update(self, user_id: str, **fields: object) -> None:
        """Change an account as an administrator."""
        await self._administrate("accounts:update", {"localId": user_id, **fields})

    async def delete(self, user_id: str) -> None:
        """Delete an account as an administrator."""
        await self._administrate("accounts:delete", {"localId": user_id})

    async def _administrate(self, method: str, body: dict[str, Any]) -> None:
        await self._call(f"projects/{PROJECT}/{method}", body, {"Authorization": "Bearer owner"})

    async def _call(
        self, method: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        url = f"http://{self.host}/identitytoolkit.googleapis.com/v1/{method}?key=any"
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(url, json=body, headers=headers)
        answer.raise_for_status()
        return dict(answer.json())


@asynccontextmanager
async def firebase_emulator() -> AsyncIterator[FirebaseEmulator]:
    """The emulator FIREBASE_TEST_EMULATOR names, or one for the length of the block."""
    if named := os.environ.get("FIREBASE_TEST_EMULATOR"):
        yield FirebaseEmulator(named)
        return
    node = shutil.which("node")
    if node is None:
        missing("Node.js", "the Firebase emulator needs it, see https://nodejs.org")
    if not (_HOME / "node_modules" / "firebase-tools").is_dir():
        missing("The Firebase emulator", "run: npm ci --prefix tests/firebase")
    command: list[str | Path] = [node, _HOME / "emulator.mjs"]
    async with running(command, until=r"ready on ([\d.]+:\d+)", within_s=300) as ready:
        yield FirebaseEmulator(ready[1])
