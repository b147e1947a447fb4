"""Requirements of a page on a phone."""

from playwright.async_api import ViewportSize

PHONE: ViewportSize = {"width": 390, "height": 844}
# Visible controls less than 44 px high that no label enlarges.
TOO_SMALL_FOR_FINGERS = """() => [...document.querySelectorAll(
    "button:not(.box), select, input, summary, .button")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height > 1)
    .map((each) => each.closest(".check, .chooser") ?? each)
    .filter((each) => each.getBoundingClientRect().height < 43.5)
    .map((each) => each.outerHTML.slice(0, 120))"""
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
