"""
Makes the pictures of the page for the documents: C{python -m tests.live.web.screenshots}.

The page is the real one, with a scripted server, so that the pictures are the same each time.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from tests.live.support.page_files import pageSite
from tests.live.support.scripted_chat import ScriptedChat
from tests.live.web.conftest import CHROMIUM

DOCS = Path(__file__).parents[3] / "docs"

#: Name of the file, width, height, theme.
PICTURES = (
    ("web-light.png", 1000, 560, "light"),
    ("web-dark.png", 1000, 560, "dark"),
    ("web-phone.png", 360, 640, "light"),
)

#: Minutes of the day, who, what, and of which kind it is.
TALK: tuple[tuple[int, str, str, str], ...] = (
    (545, "bob", "good morning! the kettle is on", "message"),
    (546, "carla", "I have brought the green one from the hills", "message"),
    (546, "carla", "notes of last time: https://example.org/tea/notes", "message"),
    (549, "Δημήτρης", "καλημέρα σε όλους", "message"),
    (552, "bob", "Green tea, Thursdays at nine", "topic"),
    (556, "فاطمة", "صباح الخير، هل بقي شيء من الشاي الأخضر؟", "message"),
    (557, "bob", "enough for everybody, also for ann", "message"),
    (561, "eve", "puts some biscuits on the table", "me"),
    (570, "carla", "what was said about the water: #lobby/3", "message"),
    (571, "carla", "80 °C, three minutes", "message"),
)


def _line(number: int, minute: int, nick: str, text: str, kind: str) -> dict[str, Any]:
    day = int(datetime(2026, 11, 20).timestamp())
    return {
        "type": "said",
        "room": "lobby",
        "seq": number,
        "id": f"e1-{number}-0",
        "time": (day + minute * 60) * 1_000_000_000,
        "kind": kind,
        "nick": nick,
        "account": None,
        "text": text,
    }


def _open(browser: Browser, address: str, width: int, height: int, theme: str) -> Page:
    kept: StorageState = {
        "origins": [
            {
                "origin": address[:-1],
                "localStorage": [
                    {"name": "nick", "value": "ann"},
                    {"name": "theme", "value": theme},
                ],
            }
        ]
    }
    window = browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-GB",
        storage_state=kept,
    )
    chat = ScriptedChat({"lobby": len(TALK)})
    chat.name = "tea.example"
    for number, row in enumerate(TALK, 1):
        chat.said["lobby", number] = _line(number, *row)
    page = window.new_page()
    chat.attach(page)
    page.goto(address)
    page.wait_for_selector(".line")
    for room, lines in (("kitchen", 3), ("garden", 0), ("release", 12)):
        chat.last[room] = 0
        chat.send({**chat.roomEntered(room), "read": 0})
        for number in range(lines):
            chat.say("bob", "ann?" if room == "kitchen" and not number else "hello", room)
    chat.send(chat.whispered("bob", "ann", "are you coming?"))
    page.locator("#talks .count").wait_for(state="attached")
    page.wait_for_timeout(400)
    return page


def main() -> None:
    with sync_playwright() as playwright, pageSite() as site:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, width, height, theme in PICTURES:
            page = _open(browser, site.address, width, height, theme)
            page.screenshot(path=DOCS / name)
            print(name, (DOCS / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
