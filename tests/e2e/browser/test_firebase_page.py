"""Signing in on the page where Firebase signs users in."""

from pathlib import Path
from uuid import uuid4

from playwright.async_api import Browser, expect

from tests.e2e.browser.site import serving
from tests.servers.firebase import PROJECT, FirebaseEmulator


async def test_users_of_firebase_sign_in_by_e_mail_and_password(
    browser: Browser, firebase: FirebaseEmulator, tmp_path: Path
) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    await firebase.sign_up(email, "a long password")
    settings = {
        "AUTH": "firebase",
        "ENVIRONMENT": "development",
        "FIREBASE_PROJECT_ID": PROJECT,
        "FIREBASE_AUTH_EMULATOR_HOST": firebase.host,
        "FIREBASE_WEB_API_KEY": "any",
    }
    with serving(tmp_path, **settings) as site:
        page = await browser.new_page(base_url=site.url)
        await page.goto("/")
        await page.get_by_role("button", name="Sign in").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("E-mail").fill(email)
        await dialog.get_by_label("Password").fill("a wrong password")
        await dialog.get_by_role("button", name="Sign in").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("E-mail or password is wrong.")
        await dialog.get_by_label("Password").fill("a long password")
        await dialog.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await expect(page.locator("#usage")).to_contain_text(email.split("@")[0])
        await page.close()
