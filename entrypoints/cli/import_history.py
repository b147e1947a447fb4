"""``emotion-api import``: copying the history of an older service."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from rich.console import Console

from application.errors import StoreUnavailable
from application.use_cases.import_history import ImportOutcome, UnreadableDetection
from entrypoints.container import Container
from entrypoints.settings import Settings


def source_address(given: str | None, settings: Settings) -> str:
    """The address to import from, not checked yet.

    Args:
        given: on the command line, where every process of the machine can read it; ``-`` means a
            line of standard input, None means the setting.
        settings: may hold it.
    """
    if given == "-":
        return sys.stdin.readline().strip()
    if given is None and settings.stores.import_mongodb_uri is not None:
        return settings.stores.import_mongodb_uri.get_secret_value()
    return given or ""


async def import_history(
    settings: Settings, source_uri: str, *, name: str | None, collection: str | None, notes: Console
) -> ImportOutcome:
    """Copy the records of a MongoDB database into the history the settings choose.

    Args:
        settings: choose where to.
        source_uri: of the server to read from.
        name: of its database; None takes the one the URI names, or else MONGODB_NAME.
        collection: to read; None takes each that holds such records.
        notes: where left-out records are printed.

    Raises:
        StoreUnavailable: one of the two does not answer, or the URI is malformed; what was copied
            by then stays.
    """

    def note(left_out: UnreadableDetection) -> None:
        notes.print(f"left out: {left_out.name}: {left_out.reason}", markup=False, highlight=False)

    stores = Container(settings=settings).stores()
    name = name or _database_in(source_uri) or settings.stores.mongodb_name
    source_database = stores.mongo_database(uri=source_uri, name=name, makes_indexes=False)
    records = stores.older_history(source_database, collection=collection)
    await source_database.open()
    await stores.database().open()
    try:
        return await stores.import_history().execute(records, note)
    finally:
        await stores.database().close()
        await source_database.close()


def _database_in(uri: str) -> str:
    try:
        return urlsplit(uri).path.strip("/")
    except ValueError:
        # Not chained, because the message may contain the password.
        raise StoreUnavailable("--from: the address is malformed") from None
