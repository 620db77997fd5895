"""What the usual run tests of the page, with a server that does as the test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.support.page_actions import paste, say, shows, texts, titled, waitFor
from tests.support.examples import thorough

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.live.support.scripted_chat import ScriptedChat

TAG = '<img src=x onerror="document.title=1"><script>document.title=1</script>'


def test_pasted_command(page: Page, chat: ScriptedChat) -> None:
    paste(page, "/kick bob")
    page.locator("#hint", has_text="as text").wait_for()
    page.press("#text", "Enter")
    shows(page, "/kick bob")
    assert not chat.requests("command")


def test_pasted_command_later(page: Page, chat: ScriptedChat) -> None:
    """It is no command either after Up, in another room and back, and after a reload."""
    paste(page, "/kick bob")
    page.press("#text", "Enter")
    page.press("#text", "ArrowUp")
    page.press("#text", "Enter")
    say(page, "/join kitchen")
    titled(page, "#kitchen")
    paste(page, "/kick bob")
    page.click("#rooms >> text=lobby")
    page.click("#rooms >> text=kitchen")
    page.press("#text", "Enter")
    paste(page, "/kick bob")
    page.reload()
    titled(page, "#kitchen")
    page.press("#text", "Enter")
    waitFor(page, "!document.querySelector('.unsent')")
    assert [one["text"] for one in chat.requests("say")] == ["/kick bob"] * 4
    assert not chat.requests("command")


def test_lost_twins(page: Page, chat: ScriptedChat) -> None:
    """Of two equal texts one has arrived: the other one is sent."""
    chat.answers["say"] = lambda request: False
    for _ in range(2):
        say(page, "ok")
    page.locator(".unsent").nth(1).wait_for()
    del chat.answers["say"]
    chat.unseen("ann", "ok")
    chat.lose()
    waitFor(page, "!document.querySelector('.unsent')")
    assert texts(page).count("ok") == 2
    assert len(chat.requests("say")) == 2


def test_shown_as_text(page: Page, chat: ScriptedChat) -> None:
    chat.say(TAG, f"{TAG} javascript:alert(1)")
    chat.say("bob", TAG, kind="topic")
    chat.say("bob", "bold", kind='"><b>')
    chat.send({"type": "joined", "room": "lobby", "nick": TAG, "account": None})
    page.locator(".person", has_text="<img").wait_for()
    shows(page, "javascript:alert(1)")
    assert page.locator("img, script:not([src]), .line b").count() == 0
    assert page.locator(".line a[href^=javascript]").count() == 0
    assert page.title() != "1"


def test_missed_lines(page: Page, chat: ScriptedChat) -> None:
    for text in ("one", "two"):
        chat.unseen("bob", text)
    chat.lose()
    page.locator("#banner", has_text="resumed, 2 lines were said meanwhile").wait_for()
    assert texts(page)[-2:] == ["one", "two"]
    since = chat.requests("since")[0]
    assert (since["seq"], since["epoch"]) == (50, "e1")


@pytest.mark.parametrize("width", [360, 761, 1000, 2560] if thorough() else [360])
def test_nothing_overflows(page: Page, chat: ScriptedChat, width: int) -> None:
    chat.say("a" * 32, "w" * 2000)
    chat.say("bob", "https://a.example/" + "x" * 500)
    page.set_viewport_size({"width": width, "height": 640})
    page.wait_for_timeout(150)
    wide = page.evaluate(
        """() => [...document.querySelectorAll("#middle, #lines, .line, .text, #head")]
        .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
        .map(one => one.className || one.id)"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
