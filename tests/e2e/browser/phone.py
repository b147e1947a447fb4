"""What a page has to be like on a phone."""

from playwright.async_api import ViewportSize

PHONE: ViewportSize = {"width": 390, "height": 844}
# Controls that are shown, and lower than 44 px though no label makes them larger.
TOO_SMALL_FOR_FINGERS = """() => [...document.querySelectorAll(
    "button:not(.box), select, input, summary, .button")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height > 1)
    .map((each) => each.closest(".check, .chooser") ?? each)
    .filter((each) => each.getBoundingClientRect().height < 43.5)
    .map((each) => each.outerHTML.slice(0, 120))"""
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
