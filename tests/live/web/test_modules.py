"""The modules of the page that know no document, each as a browser runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.live.support.page_files import PageSite


@pytest.fixture(scope="module")
def modules(browser: Browser, pages: PageSite) -> Page:
    page = browser.new_page()
    # Any document of that address will do.
    page.goto(f"{pages.address}page/icon.svg")
    return page


def run(modules: Page, module: str, body: str, argument: object = None) -> Any:
    source = f"async (given) => {{ const m = await import('/page/core/{module}.js'); {body} }}"
    return modules.evaluate(source, argument)


class TestText:
    @pytest.mark.parametrize(
        ("text", "links"),
        [
            ("see http://a.example/b.", ["http://a.example/b"]),
            ("(http://a.example/b_(c))", ["http://a.example/b_(c)"]),
            ("HTTPS://A.example, http://b.example/?q=1!", ["https://a.example/", "http://b.example/?q=1"]),
            ("http://bücher.example/", ["http://xn--bcher-kva.example/"]),
            ("javascript:alert(1) data:text/html,x file:///etc/passwd ftp://a.example", []),
            ("http://bank.example@evil.example/", []),
            ("http://a.example/\u202egpj.exe", []),
            ("xhttp://a.example http:// https://", []),
            ("http://a.example/<b>", ["http://a.example/"]),
        ],
        ids=["full stop", "brackets", "several", "idn", "schemes", "user", "bidi", "none", "tag"],
    )  # fmt: skip
    def test_links(self, modules: Page, text: str, links: list[str]) -> None:
        body = "return m.pieces(given).filter(p => p.kind === 'link').map(p => p.href)"
        assert run(modules, "text", body, text) == links

    @pytest.mark.parametrize("end", [")" * 4000, ".)" * 2000])
    def test_many_brackets(self, modules: Page, end: str) -> None:
        """A line that anybody can send does not stop the page: once 0.1 to 0.5 s each."""
        # The fastest of some: a busy machine slows down single ones.
        body = (
            "let found, least = Infinity;"
            "for (let times = 0; times < 9 && least > 60; times++) {"
            "  const begin = performance.now(); [found] = m.pieces(given);"
            "  least = Math.min(least, performance.now() - begin);"
            "}"
            "return [found.href, least < 60]"
        )
        assert run(modules, "text", body, f"http://a.example/{end}") == ["http://a.example/", True]

    def test_pieces(self, modules: Page) -> None:
        found = run(
            modules, "text", "return m.pieces(given)", "a #tea/12 \u202eb\x07 http://c.example"
        )
        assert found == [
            {"kind": "text", "text": "a "},
            {"kind": "room", "text": "#tea/12", "room": "tea", "seq": 12},
            {"kind": "text", "text": " "},
            {"kind": "hidden", "text": "\\u202e"},
            {"kind": "text", "text": "b"},
            {"kind": "hidden", "text": "\\x07"},
            {"kind": "text", "text": " "},
            {"kind": "link", "text": "http://c.example", "href": "http://c.example/", "host": ""},
        ]

    @pytest.mark.parametrize(
        ("text", "host"),
        [
            ("http://A.example/x", ""),
            ("https://\u0430\u0440\u0440\u04cf\u0435.example/", "xn--80ak6aa92e.example"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://%67ood.example/", "good.example"),
        ],
        ids=["same", "other letters", "number", "escaped"],
    )
    def test_hosts(self, modules: Page, text: str, host: str) -> None:
        """A link whose text shows another host says where it leads."""
        assert run(modules, "text", "return m.pieces(given)[0].host", text) == host

    def test_ordinary_text(self, modules: Page) -> None:
        """Emoji of several parts and marks on letters stay whole."""
        text = "👩‍👩‍👧 é ﷽ हिन्दी a & b C#minor &#39;"
        found = run(modules, "text", "return m.pieces(given)", text)
        assert found == [{"kind": "text", "text": text}]

    @pytest.mark.parametrize(
        ("text", "mentioned"),
        [("hi ann!", True), ("ANN: hi", True), ("anna", False), ("ann-marie", False), ("x", False)],
    )
    def test_mentions(self, modules: Page, text: str, mentioned: bool) -> None:
        assert run(modules, "text", "return m.mentionOf('Ann')(given)", text) is mentioned


class TestIntent:
    @pytest.mark.parametrize(
        ("text", "pasted", "intent"),
        [
            ("hello ", False, {"do": "say", "text": "hello"}),
            ("/me waves", False, {"do": "command", "line": "/me waves"}),
            ("//me", False, {"do": "say", "text": "/me"}),
            ("/kick bob", True, {"do": "say", "text": "/kick bob"}),
            ("a\n/kick bob", False, {"do": "say", "text": "a\n/kick bob"}),
            (" \n", False, {"do": "nothing"}),
        ],
        ids=["text", "command", "doubled", "pasted", "inside", "nothing"],
    )
    def test_kinds(self, modules: Page, text: str, pasted: bool, intent: dict[str, str]) -> None:
        assert run(modules, "complete", "return m.intentOf(...given)", [text, pasted]) == intent

    @pytest.mark.parametrize("text", ["/login ann secret", "/register secret"])
    def test_pasted_password(self, modules: Page, text: str) -> None:
        assert run(modules, "complete", "return m.intentOf(given, true)", text)["do"] == "hold"

    def test_command_of_two_lines(self, modules: Page) -> None:
        assert (
            run(modules, "complete", "return m.intentOf(given, false)", "/me a\nb")["do"] == "hold"
        )


class TestComplete:
    SOURCES = """const sources = {commands: [{name: "me", usage: "TEXT", meaning: "do"},
        {name: "mode", usage: "", meaning: "modes"}],
        rooms: ["lobby", "Küche"], nicks: ["bob", "Bea"]};
        const found = m.complete(given, given.length, sources);
        return found && found.candidates.map(one => one.text)"""

    @pytest.mark.parametrize(
        ("text", "candidates"),
        [
            ("/m", ["/me ", "/mode "]),
            ("b", ["bob: ", "Bea: "]),
            ("hello b", ["bob ", "Bea "]),
            ("see #kü", ["#Küche "]),
            ("@be", ["Bea: "]),
            ("zz", None),
            ("a ", None),
        ],
    )
    def test_candidates(self, modules: Page, text: str, candidates: list[str] | None) -> None:
        assert run(modules, "complete", self.SOURCES, text) == candidates

    @pytest.mark.parametrize(
        ("call", "text"),
        [
            ("complete(given, given.length, {rooms: [], nicks: ['bob']})", "ł" * 50_000 + " b"),
            ("intentOf(given, false)", "ł" + " " * 50_000 + "b"),
            ("intentOf(given, true)", "/" + " " * 50_000 + "b"),
        ],
    )
    def test_long(self, modules: Page, call: str, text: str) -> None:
        """Twice the text takes twice the time, not four times: the page stands still meanwhile."""
        body = f"const begin = performance.now(); m.{call}; return performance.now() - begin"
        assert run(modules, "complete", body, text) < 500


class TestHeights:
    def test_sums(self, modules: Page) -> None:
        """Against sums over a plain list, while rows come and change."""
        body = """
            const heights = new m.Heights(); const plain = [];
            let state = 1; const next = (most) => (state = state * 48271 % 2147483647) % most;
            const wrong = [];
            for (let round = 0; round < 3000; round++) {
              const height = 1 + next(50);
              if (next(3) || !plain.length) { plain.push(height); heights.push(height); }
              else { const i = next(plain.length); plain[i] = height; heights.set(i, height); }
              if (round % 500 === 0) {
                plain.unshift(7, 8);
                heights.reset(plain.length, i => plain[i]);
              }
              const i = next(plain.length + 1);
              const sum = plain.slice(0, i).reduce((a, b) => a + b, 0);
              if (heights.top(i) !== sum) wrong.push([round, i]);
              const place = next(heights.total);
              let row = 0, end = plain[0];
              while (end <= place) end += plain[++row];
              if (heights.find(place) !== row) wrong.push([round, place]);
            }
            return [wrong, heights.find(-5), heights.find(1e9) === plain.length - 1]"""
        assert run(modules, "heights", body) == [[], 0, True]


class TestHistory:
    PRELUDE = """
        const line = (seq) =>
          ({seq, at: seq, time: seq, kind: "message", nick: "a", text: `${seq}`});
        const lines = (first, last) =>
          Array.from({length: last - first + 1}, (_, i) => line(first + i));
        const shape = (history) => history.stretches.map(one => [one.first, one.last,
          one.lines.map(l => l.seq)]);
        const history = new m.History();
    """

    def test_stretches_meet(self, modules: Page) -> None:
        body = f"""{self.PRELUDE}
            history.add(8, 10, lines(8, 10));
            history.add(1, 3, lines(1, 3));
            const apart = shape(history);
            history.add(3, 8, lines(3, 8));
            return [apart, shape(history)]"""
        apart, together = run(modules, "history", body)
        assert apart == [[1, 3, [1, 2, 3]], [8, 10, [8, 9, 10]]]
        assert together == [[1, 10, list(range(1, 11))]]

    def test_live_and_replayed(self, modules: Page) -> None:
        """Lines that come twice or late stand once, in order; notes keep their place."""
        body = f"""{self.PRELUDE}
            history.append({{...line(0), text: "note"}});
            history.add(4, 5, lines(4, 5));
            history.append(line(6));
            history.append({{...line(0), text: "behind 6"}});
            history.append(line(9));
            history.append(line(6));
            history.add(7, 9, [line(8), line(9)]);
            return [shape(history), history.newest.lines.map(l => l.text)]"""
        shape, texts = run(modules, "history", body)
        assert texts == ["4", "5", "note", "6", "behind 6", "8", "9"]
        assert [one[:2] for one in shape] == [[4, 9]]

    def test_find(self, modules: Page) -> None:
        body = f"""{self.PRELUDE}
            history.add(1, 2000, lines(1, 2000));
            history.cut(1500);
            const {{last}} = history.newest;
            return [history.find(1), history.find(777).seq, history.find(1501), last]"""
        one, found, none, last = run(modules, "history", body)
        assert (one["seq"], found, none, last) == (1, 777, None, 1500)


class TestConnection:
    WORLD = """
        let now = 0; const timers = []; const sockets = []; const events = [];
        const world = {
          open: () => {
            const socket = {readyState: 1, close() { this.readyState = 3 }, send() {}};
            sockets.push(socket);
            return socket;
          },
          now: () => now, random: () => 1,
          after: (run, after) => { const t = {at: now + after, run}; timers.push(t); return t },
          cancel: (t) => { const i = timers.indexOf(t); if (i >= 0) timers.splice(i, 1) },
        };
        const advance = (by) => {
          const end = now + by;
          for (;;) {
            timers.sort((a, b) => a.at - b.at);
            if (!timers.length || timers[0].at > end) break;
            const next = timers.shift(); now = Math.max(now, next.at); next.run();
          }
          now = end;
        };
        const owner = {opened() { events.push("opened") }, received(t) { events.push(t) },
          lost(code) { events.push(code) }, askForSign() { events.push("asked") },
          stateChanged() {}};
        const connection = new m.Connection(world, owner);
        connection.start();
    """

    def test_delays_grow(self, modules: Page) -> None:
        body = f"""{self.WORLD}
            const delays = [];
            for (let i = 0; i < 9; i++) {{
              sockets.at(-1).onclose({{code: 1006, reason: ""}});
              delays.push(connection.retryAt - now);
              advance(delays.at(-1));
            }}
            return delays"""
        assert run(modules, "connection", body) == [
            500,
            1000,
            2000,
            4000,
            8000,
            16000,
            *3 * [30000],
        ]

    def test_silence(self, modules: Page) -> None:
        """A side that does not answer is given up, and tried again."""
        body = f"""{self.WORLD}
            sockets[0].onopen(); advance(39_000); const quiet = [...events];
            advance(20_000);
            return [quiet, events, sockets.length]"""
        assert run(modules, "connection", body) == [["opened"], ["opened", "asked", 1006], 2]

    def test_unanswered(self, modules: Page) -> None:
        """A try that nobody answers ends, and at once if the network is another one."""
        body = f"""{self.WORLD}
            advance(7000); connection.wake(); const woken = sockets.length;
            advance(15_000); const ended = [...events];
            advance(500);
            return [woken, ended, sockets.length]"""
        assert run(modules, "connection", body) == [2, [1006], 3]

    def test_sleep(self, modules: Page) -> None:
        """After a sleep the other side is asked at once; if it answers nothing happens."""
        body = f"""{self.WORLD}
            sockets[0].onopen(); now += 20_000; advance(0); const asked = [...events];
            sockets[0].onmessage({{data: "answer"}}); advance(30_000);
            return [asked, events, sockets.length]"""
        asked, events, sockets = run(modules, "connection", body)
        assert (asked, events, sockets) == (["opened", "asked"], ["opened", "asked", "answer"], 1)

    @pytest.mark.parametrize("late", [False, True])
    def test_clock_set_back(self, modules: Page, late: bool) -> None:
        """Silence is noticed all the same, also if it was set while an answer is waited for."""
        step = "let step = 0; world.now = () => now + step; const back = () => { step -= 3.6e6 };"
        first, second = ("advance(46_000);", "back();") if late else ("back();", "advance(5000);")
        body = f"""{self.WORLD} {step}
            sockets[0].onopen(); {first} {second} advance(7000);
            return events"""
        assert run(modules, "connection", body) == ["opened", "asked", 1006]

    def test_old_socket(self, modules: Page) -> None:
        """What comes late from a connection that was given up is nothing."""
        body = f"""{self.WORLD}
            sockets[0].onopen(); connection.start(); sockets[0].onmessage({{data: "late"}});
            sockets[0].onclose({{code: 1000}});
            return [events, connection.state]"""
        assert run(modules, "connection", body) == [["opened"], "connecting"]
