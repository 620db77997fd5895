"""What a person does on the page of the chat, and sees there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: How often something is looked for, and milliseconds between two looks.
LOOKS, PAUSE = 1200, 25


def say(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def paste(page: Page, text: str) -> None:
    page.focus("#text")
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData("text/plain", text);
        const field = document.getElementById("text");
        field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
        document.execCommand("insertText", false, text); }""",
        text,
    )


def texts(page: Page) -> list[str]:
    return page.locator(".line .text").all_inner_texts()


def shows(page: Page, text: str) -> None:
    page.locator(".line .text", has_text=text).first.wait_for()


def titled(page: Page, title: str) -> None:
    page.locator("#title", has_text=title).wait_for()


def waitFor(page: Page, condition: str) -> None:
    # Playwright's own function evaluates a text in the page, which the policy does not allow.
    for _ in range(LOOKS):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(PAUSE)
    raise AssertionError(f"not so after some seconds: {condition}")


def until(page: Page, happened: Callable[[], object]) -> None:
    """As L{waitFor}, for what the scripted chat has received."""
    for _ in range(LOOKS):
        if happened():
            return
        page.wait_for_timeout(PAUSE)
    raise AssertionError("it has not happened after some seconds")


def scrollUntil(page: Page, move: str, happened: Callable[[list[int]], object]) -> list[int]:
    """Move the view, by an assignment such as C{= 0}, until the numbers shown are as wanted."""

    def moved() -> bool:
        page.evaluate(f"document.getElementById('lines').scrollTop {move}")
        return bool(happened(numbersShown(page)))

    until(page, moved)
    return numbersShown(page)


def scrollToBegin(page: Page) -> None:
    waitFor(
        page,
        """() => { const view = document.getElementById("lines");
        const wasThere = !view.scrollTop;
        view.scrollTop = 0;
        const {textContent} = document.querySelector(".list-head");
        return wasThere && textContent.includes("begins"); }""",
    )


def numbersShown(page: Page) -> list[int]:
    """The numbers with which the lines of the scripted chat begin."""
    return [int(text.split()[0]) for text in texts(page) if text[0].isdigit()]
