"""
Browsers for the tests of the page.

There is one browser for all tests of this folder.  It ends with them: while playwright lives, an
event loop of asyncio runs in this thread, which other tests could not bear.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.support.page_files import PageSite, pageSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

    from tests.live.support.scripted_chat import ScriptedChat

#: Debian's names, and that of others.  The first one has no window and needs half of the processor.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")

CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)

#: Milliseconds that a page may take for anything, on a busy machine.
PATIENCE = 30_000

#: Opens a window of its own: another person's browser.
OpenWindow = Callable[[], "BrowserContext"]

SHAPE: Any = {"viewport": {"width": 1100, "height": 700}, "locale": "en-GB"}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(scope="package")
def pages() -> Iterator[PageSite]:
    with pageSite() as site:
        yield site


@pytest.fixture
def site(pages: PageSite) -> PageSite:
    pages.refuseSignIn("")
    return pages


class Complaints:
    """What pages have written as errors: also what the policy of the server forbids."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        context.on("weberror", lambda error: self.texts.append(str(error.error)))
        context.on("console", self._hear)

    def _hear(self, entry: ConsoleMessage) -> None:
        # That a connection is lost, or refused, is part of the test.
        if entry.type == "error" and "WebSocket connection" not in entry.text:
            self.texts.append(entry.text)

    def check(self) -> None:
        texts, self.texts = self.texts, []
        assert not texts, texts


@pytest.fixture
def openWindow(browser: Browser) -> Iterator[OpenWindow]:
    contexts: list[BrowserContext] = []
    complaints = Complaints()

    def openOne() -> BrowserContext:
        context = browser.new_context(**SHAPE)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        complaints.watch(context)
        return context

    yield openOne
    for context in contexts:
        context.close()
    complaints.check()


@pytest.fixture
def chat() -> ScriptedChat:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from tests.live.support.scripted_chat import ScriptedChat

    return ScriptedChat()


@pytest.fixture(scope="package")
def sharedWindow(browser: Browser) -> Iterator[tuple[BrowserContext, Complaints]]:
    # A window of its own for each test would cost a process each.
    context = browser.new_context(**SHAPE)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(
        "if (location.hostname && !localStorage.nick) localStorage.setItem('nick', 'ann')"
    )
    complaints = Complaints()
    complaints.watch(context)
    yield context, complaints
    context.close()


@pytest.fixture
def window(sharedWindow: tuple[BrowserContext, Complaints]) -> Iterator[BrowserContext]:
    """The page comes in as the guest ann."""
    context, complaints = sharedWindow
    yield context
    context.clear_permissions()
    for page in context.pages:
        page.evaluate("localStorage.clear()")
        page.close()
    complaints.check()


@pytest.fixture
def page(window: BrowserContext, site: PageSite, chat: ScriptedChat) -> Page:
    """In the lobby of the scripted chat."""
    page = window.new_page()
    chat.attach(page)
    page.goto(site.address)
    page.wait_for_selector(".line")
    return page
