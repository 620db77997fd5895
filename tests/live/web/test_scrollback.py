"""A hundred thousand lines in the browser: what drawing them costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.examples import onlyThorough

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.live.support.page_files import PageSite
    from tests.live.support.scripted_chat import ScriptedChat

pytestmark = onlyThorough()

LINES = 100_000

#: Milliseconds of the processor for what one frame needs at most: of wall time, a busy machine
#: would need more.
FRAME_MS = 50

#: Fills the list of a room by pages of old lines, as on scrolling back.
FILL = """async count => {
    const { MessageList } = await import("/page/ui/list.js");
    const { drawLine, guessHeight, stateOf } = await import("/page/ui/row.js");
    const { History } = await import("/page/core/history.js");
    const words = "the kettle is on and the green tea from the hills is nearly ready ".repeat(4);
    const line = seq => ({seq, at: seq, time: 1.7e18 + seq * 6e10, kind: "message", account: null,
      nick: ["bob", "carla", "فاطمة"][seq % 7 % 3], id: "", text: words.slice(0, seq * 7 % 260) });
    const history = new History();
    const rows = {state: (one, previous) => stateOf(one, previous, false),
      draw: (one, previous) => drawLine(one, previous, false), guess: guessHeight};
    const view = document.getElementById("lines");
    view.replaceChildren();
    const list = new MessageList(view, rows, () => {});
    await new Promise(requestAnimationFrame);
    list.show(history.newest.lines, true);
    for (let last = count; last > 0; last -= 200) {
      history.add(last - 199, last, Array.from({length: 200}, (_, i) => line(last - 199 + i)));
      list.changed(history.newest.lines);
      if (last % 5000 === 0) await new Promise(requestAnimationFrame);
    }
    window.append = () => { history.append(line(history.newest.last + 1)); list.appended(); };
    return [history.newest.lines.length, view.scrollHeight];
}"""

#: Through all of it: by small steps, by jumps, and while lines come.
SCROLL = """async () => {
    const view = document.getElementById("lines");
    const frame = () => new Promise(requestAnimationFrame);
    let most = 0;
    for (let i = 0; i < 60; i++) { view.scrollTop -= 700; await frame(); }
    for (let i = 0; i < 30; i++) {
      view.scrollTop = view.scrollHeight * ((i * 0.618) % 1); await frame();
      most = Math.max(most, document.querySelectorAll(".row").length);
    }
    view.scrollTop = view.scrollHeight;
    for (let i = 0; i < 20; i++) { append(); await frame(); }
    return most;
}"""


def test_frames(browser: Browser, page: Page) -> None:
    lines, height = page.evaluate(FILL, LINES)
    assert lines == LINES
    assert height > 20 * LINES
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    rows = page.evaluate(SCROLL)
    costs = frameCosts(json.loads(browser.stop_tracing())["traceEvents"])
    assert rows < 120
    assert len(costs) > 90
    assert max(costs) < FRAME_MS, sorted(costs)[-10:]


def frameCosts(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of each task of the page's main thread."""
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    drawing = {(e["pid"], e["tid"]) for e in events if e.get("name") == "UpdateLayoutTree"}
    return [
        event["tdur"] / 1000
        for event in events
        if event.get("name", "").endswith("RunTask")
        and (event["pid"], event["tid"]) in main & drawing
        and event.get("tdur", 0) > 0
    ]


@pytest.mark.parametrize("count", [5000])
def test_busy_rooms(window: BrowserContext, site: PageSite, chat: ScriptedChat, count: int) -> None:
    """Lines of other rooms cost little: they are counted, not drawn."""
    page = window.new_page()
    chat.attach(page)
    page.goto(f"{site.address}#lobby")
    page.wait_for_selector(".line")
    chat.last["busy"] = 1
    page.fill("#text", "/join busy")
    page.press("#text", "Enter")
    page.locator("#title", has_text="#busy").wait_for()
    page.click("#rooms >> text=lobby")
    cdp = window.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def taskSeconds() -> float:
        rows = cdp.send("Performance.getMetrics")["metrics"]
        return float(next(row["value"] for row in rows if row["name"] == "TaskDuration"))

    before = taskSeconds()
    for start in range(0, count, 50):
        seqs = [chat.unseen("bob", f"line {start + offset}", "busy") for offset in range(50)]
        chat.send(*(chat.lineOf("busy", seq) for seq in seqs))
    page.locator("#rooms .count", has_text="999+").wait_for()
    # 500 lines a second may take a tenth of the processor.
    assert (taskSeconds() - before) / count * 500 < 0.1
