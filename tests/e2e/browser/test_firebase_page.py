"""Signing in with Firebase on the page."""

import base64
import json
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.browser.axe import faults
from tests.e2e.service_process import ServiceProcess, serving
from tests.servers.firebase import PROJECT, FirebaseEmulator

CLIENT_ID = "demo.apps.googleusercontent.com"


@pytest.fixture(scope="module")
async def firebase_site(
    firebase: FirebaseEmulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcess]:
    """The service with Firebase authentication."""
    settings: dict[str, Any] = {
        "AUTH": "firebase",
        "ENVIRONMENT": "development",
        "FIREBASE_PROJECT_ID": PROJECT,
        "FIREBASE_AUTH_EMULATOR_HOST": firebase.host,
        "FIREBASE_WEB_API_KEY": "any",
        "GOOGLE_CLIENT_ID": CLIENT_ID,
    }
    async with serving(tmp_path_factory.mktemp("firebase"), **settings) as site:
        yield site


@pytest.fixture
async def visitor(browser: Browser, firebase_site: ServiceProcess) -> AsyncIterator[Page]:
    """The page, in a browser with a stand-in for Google."""
    context = await browser.new_context(base_url=firebase_site.url)
    context.set_default_timeout(20_000)
    await context.route("https://accounts.google.com/**", choose_an_account)
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    await context.close()
    assert not broken


async def choose_an_account(route: Route) -> None:
    """The stand-in for Google's account chooser. Its tokens are not signed."""
    asked = {
        name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()
    }
    assert asked["client_id"] == CLIENT_ID
    assert asked["response_type"] == "id_token"
    assert {"openid", "email"} <= set(asked["scope"].split())
    state, nonce = asked["state"], asked["nonce"]
    assert len({state, nonce}) == 2
    answers = {
        "Ada": {"state": state, "id_token": google_token(nonce)},
        "Cancel": {"state": state, "error": "access_denied"},
        "Another state": {"state": "made up", "id_token": google_token(nonce)},
        "Another nonce": {"state": state, "id_token": google_token("of another sign-in")},
    }
    links = (
        f'<p><a href="{escape(asked["redirect_uri"])}#{escape(urlencode(answer))}">{name}</a>'
        for name, answer in answers.items()
    )
    await route.fulfill(content_type="text/html", body="".join(links))


def google_token(nonce: str) -> str:
    """An ID token like Google's; the emulator accepts it without a signature."""
    claims = {
        "iss": "https://accounts.google.com",
        "aud": CLIENT_ID,
        "sub": uuid4().hex,
        "email": f"ada-{uuid4().hex[:8]}@example.com",
        "email_verified": True,
        "name": "Ada",
        "nonce": nonce,
    }
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


async def test_users_of_firebase_sign_in_by_e_mail_and_password(
    visitor: Page, firebase: FirebaseEmulator, js_packages: Path
) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    await firebase.sign_up(email, "a long password")
    await visitor.goto("/")
    await visitor.get_by_role("button", name="Sign in").click()
    dialog = visitor.get_by_role("dialog")
    await dialog.wait_for()
    assert await faults(visitor, js_packages) == []
    await dialog.get_by_label("E-mail").fill(email)
    await dialog.get_by_label("Password").fill("a wrong password")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("E-mail or password is wrong.")
    await dialog.get_by_label("Password").fill("a long password")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(visitor.get_by_role("button", name="Sign out")).to_be_visible()
    await expect(visitor.locator("#usage")).to_contain_text(email.split("@")[0])


async def test_users_of_firebase_sign_in_with_google_and_return_to_the_same_view(
    visitor: Page,
) -> None:
    await visitor.goto("/#history")
    await leave_for_google(visitor)
    await visitor.get_by_role("link", name="Ada").click()
    await expect(visitor.locator("#usage")).to_have_text("Ada")
    await expect(visitor.get_by_role("tabpanel", name="History")).to_be_visible()
    assert visitor.url.endswith("/#history")
    await visitor.reload()
    await expect(visitor.locator("#usage")).to_have_text("Ada")


async def test_a_failed_sign_in_with_google_is_explained(visitor: Page) -> None:
    await visitor.goto("/")
    for answer, said in {
        "Cancel": "The sign-in with Google was cancelled.",
        "Another state": "was not started in this tab",
        "Another nonce": "belongs to another sign-in",
    }.items():
        await leave_for_google(visitor)
        await visitor.get_by_role("link", name=answer).click()
        await expect(visitor.get_by_role("alert")).to_contain_text("You are not signed in")
        await expect(visitor.get_by_role("alert")).to_contain_text(said)
        await expect(visitor.get_by_role("button", name="Sign in")).to_be_visible()
        assert "state" not in visitor.url


async def leave_for_google(page: Page) -> None:
    await page.get_by_role("banner").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Continue with Google").click()
