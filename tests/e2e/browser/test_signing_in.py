"""Signing in on the page."""

import asyncio
from pathlib import Path

from playwright.async_api import Page, Route, expect

from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.pictures import portrait
from tests.e2e.service_process import serving


async def test_the_printed_link_is_short_and_signs_in_once(page: Page, tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        assert len(site.link) < 60, "it fits into a line of any terminal"
        await page.goto(site.link)
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await expect(page.locator("#usage")).to_have_text("operator")
        assert "#" not in page.url
        await page.reload()
        await expect(page.locator("#usage")).to_have_text("operator")
        await page.get_by_role("button", name="Sign out").click()
        await page.reload()
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        await page.goto(site.link)
        await expect(page.get_by_role("alert")).to_contain_text("You are not signed in")


async def test_a_token_may_be_pasted_and_a_bad_one_is_refused_with_a_reason(
    page: Page, id_token: str
) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="Sign in").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("ID token").fill("nonsense")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Token refused")
    await dialog.get_by_label("ID token").fill(f"  {id_token}\n")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await expect(dialog).to_have_count(0)


async def test_a_link_with_an_expired_token_is_explained(page: Page) -> None:
    await page.goto("/#token=old")
    await expect(page.get_by_role("alert")).to_contain_text("You are not signed in")
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await page.get_by_role("tab", name="History").click()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_tokens_are_renewed_silently(signed_in: Page) -> None:
    page = signed_in
    await change_tokens(page, "held.access = 'worn out'")
    await page.reload()
    await choose(page, file("a.jpg", portrait()))
    await expect(page.locator(".box")).to_have_count(1)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_a_duplicated_tab_and_the_first_one_both_stay_signed_in(signed_in: Page) -> None:
    first = signed_in
    async with first.context.expect_page() as opened:  # the new tab copies the session storage
        await first.evaluate("() => { open('/'); }")
    second = await opened.value
    for _ in range(2):
        for tab in (first, second):
            await change_tokens(tab, "held.expiresAt = 0")
            await tab.reload()
        await asyncio.gather(
            *(choose(tab, file("a.jpg", portrait())) for tab in (first, second)),
        )
        for tab in (first, second):
            await expect(tab.locator(".box")).to_have_count(1)
    await first.close()
    await change_tokens(second, "held.expiresAt = 0")
    await second.reload()
    await choose(second, file("a.jpg", portrait()))
    await expect(second.locator(".box")).to_have_count(1)
    await expect(second.get_by_role("button", name="Sign out")).to_be_visible()


async def test_a_sign_in_that_has_ended_elsewhere_ends_on_the_page(signed_in: Page) -> None:
    page = signed_in
    await change_tokens(page, "held.expiresAt = 0; held.refresh = 'revoked'")
    await page.reload()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Your sign-in has ended")
    await expect(page.get_by_role("banner").get_by_role("button", name="Sign in")).to_be_visible()
    await alert.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()


async def test_a_photo_that_is_sent_as_the_sign_in_ends_is_not_that_of_a_guest(
    signed_in: Page,
) -> None:
    page = signed_in
    await change_tokens(page, "held.expiresAt = 0; held.refresh = 'revoked'")
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)

    await page.route("**/auth/refresh-token", hold)
    async with page.expect_request("**/auth/refresh-token"):
        await page.reload()
    await choose(page, file("a.jpg", portrait()))
    await page.locator(".is-working").wait_for()
    await asked[0].continue_()
    alert = page.locator("#detect").get_by_role("alert")
    await expect(alert).to_contain_text("Your sign-in has ended")
    await alert.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("dialog", name="Sign in")).to_have_count(0)


async def test_the_history_says_that_the_sign_in_has_ended(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("tab", name="History").click()
    await expect(page.get_by_text("Your history is empty.")).to_be_visible()
    await change_tokens(page, "held.expiresAt = 0; held.refresh = 'revoked'")
    await page.reload()
    await expect(page.get_by_text("Sign in to keep a history.")).to_be_visible()
    await expect(page.get_by_role("alert")).to_contain_text("Your sign-in has ended")


async def test_a_new_tab_is_signed_in_and_signing_out_applies_to_all_tabs(signed_in: Page) -> None:
    second = await signed_in.context.new_page()  # the new tab has an empty session storage
    await second.goto("/")
    await expect(second.get_by_role("button", name="Sign out")).to_be_visible()
    await second.get_by_role("tab", name="History").click()
    await expect(second.get_by_text("Your history is empty.")).to_be_visible()
    await second.get_by_role("button", name="Sign out").click()
    await expect(signed_in.get_by_role("button", name="Sign in")).to_be_visible()
    third = await signed_in.context.new_page()
    await third.goto("/")
    await expect(third.locator("#usage")).to_contain_text("photos left")


async def change_tokens(page: Page, change: str) -> None:
    await page.evaluate(
        f"""() => {{
            const held = JSON.parse(sessionStorage.getItem("emotion-api.sign-in"));
            {change};
            sessionStorage.setItem("emotion-api.sign-in", JSON.stringify(held));
        }}"""
    )
