"""The checks of axe-core, for each theme and all that opens."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import onlyThorough, thorough

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.live.support.scripted_chat import ScriptedChat

pytestmark = pytest.mark.skipif(
    find_spec("axe_playwright_python") is None, reason="axe-playwright-python is not installed"
)


@pytest.fixture
def checked(page: Page, chat: ScriptedChat) -> Page:
    chat.say("فاطمة", "ann: see https://a.example/ and #kitchen \u202e")
    chat.say("bob", "waves", kind="me")
    chat.say("eve", "the build is done", kind="notice")
    chat.say("bob", "eve 2h rude", kind="mute")
    chat.send({"type": "joined", "room": "lobby", "nick": "zoe", "account": None})
    page.locator(".line", has_text="zoe (guest) joined").wait_for()
    # Evaluated from outside: the policy of the page has no say in it.
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    return page


def violations(page: Page) -> list[str]:
    found = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
        .flatMap(rule => rule.nodes.map(node =>
          `${rule.id}: ${node.target} ${node.failureSummary}`))"""
    )
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"] if thorough() else ["light"])
def test_themes(checked: Page, theme: str) -> None:
    checked.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    checked.hover(".line >> nth=-1")
    assert violations(checked) == []


@onlyThorough()
def test_what_opens(checked: Page) -> None:
    page = checked
    # What is still moving in has no place yet.
    page.emulate_media(reduced_motion="reduce")
    found = []
    page.click("#search-button")
    page.fill("#search-text", "kettle")
    page.press("#search-text", "Enter")
    page.wait_for_selector(".hit")
    found += violations(page)
    page.click("#search-close")
    page.focus("#lines")
    for key in ("ArrowUp", "Enter"):
        page.keyboard.press(key)
    found += violations(page)
    page.keyboard.press("Escape")
    for button in ("#settings-button", "#help-button", "#own", "#join-room", "#status-button"):
        page.click(button)
        found += violations(page)
        page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 640})
    found += violations(page)
    page.click("#side-button")
    page.wait_for_timeout(300)
    found += violations(page)
    assert found == [], "\n".join(found)
