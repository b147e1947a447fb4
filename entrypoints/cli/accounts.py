"""``emotion-api accounts``: ending sign-ins and erasing accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from application.use_cases.end_accounts import EndedAccount
from entrypoints.cli.console import exit_on_error, settings_or_exit, stop

accounts = typer.Typer(
    help="End the sign-ins of a user, or erase everything of theirs.", no_args_is_help=True
)

User = Annotated[
    str,
    typer.Argument(
        metavar="USER",
        help="The user's id, as /auth/profile shows it; with AUTH=local the e-mail address does.",
    ),
]


@accounts.command()
def revoke(user: User) -> None:
    """End all sign-ins of a user, with their access tokens and live sessions."""
    ended = _end(user, erase=False)
    print(f"sign-ins ended: {ended.sign_ins}")
    _exit(user, ended)


@accounts.command()
def erase(user: User) -> None:
    """Erase a user's history, images, profile, counts and tokens. It cannot be undone."""
    ended = _end(user, erase=True)
    print(f"records erased: {ended.records}, sign-ins ended: {ended.sign_ins}")
    _exit(user, ended)


def _end(user: str, *, erase: bool) -> EndedAccount:
    from entrypoints.container import Container

    settings = settings_or_exit()
    container = Container(settings=settings)
    accounts, database = container.accounts(), container.stores().database
    is_address = settings.accounts.auth == "local" and "@" in user and not user.startswith("local:")
    user_id = f"local:{user.strip().lower()}" if is_address else user

    async def run(use_case: Callable[[str], Awaitable[EndedAccount]]) -> EndedAccount:
        await database().open()
        try:
            return await use_case(user_id)
        finally:
            await database().close()

    with exit_on_error():
        ending = accounts.end_account()
        return asyncio.run(run(ending.erase if erase else ending.revoke))


def _exit(user: str, ended: EndedAccount) -> None:
    if not ended.was_known:
        stop(f"there is no user {user}; is that the user's id?", code=1)
