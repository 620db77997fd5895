"""The page in a browser, with a server that does as the test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.live.support.page_actions import (
    numbersShown,
    say,
    scrollToBegin,
    scrollUntil,
    shows,
    texts,
    titled,
    until,
    waitFor,
)
from tests.support.examples import onlyThorough

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.live.support.page_files import PageSite
    from tests.live.support.scripted_chat import ScriptedChat
    from tests.live.web.conftest import OpenWindow

pytestmark = onlyThorough()


class TestSignIn:
    @pytest.fixture
    def stranger(self, openWindow: OpenWindow, chat: ScriptedChat) -> Page:
        page = openWindow().new_page()
        chat.attach(page)
        return page

    def test_guest(self, stranger: Page, site: PageSite, chat: ScriptedChat) -> None:
        taken = [True]

        def enter(request: dict[str, Any]) -> bool:
            if taken.pop() if taken else False:
                return chat.refuse(request, "nick-taken", "bob is taken by somebody else")
            chat._enter(request)
            return True

        chat.answers["enter"] = enter
        stranger.goto(site.address)
        stranger.fill("#guest-nick", "bob")
        stranger.press("#guest-nick", "Enter")
        stranger.locator("#sign-in-why", has_text="bob is taken").wait_for()
        stranger.fill("#guest-nick", "ann")
        stranger.press("#guest-nick", "Enter")
        shows(stranger, "50 ")
        assert stranger.locator("#own-name").inner_text() == "ann"
        assert not stranger.is_visible("#sign-in")
        stranger.reload()
        shows(stranger, "50 ")
        assert not stranger.is_visible("#sign-in")

    def test_nothing_kept(self, stranger: Page, site: PageSite) -> None:
        """Who refuses cookies refuses what pages keep, too: then reading it is an error."""
        stranger.add_init_script(
            "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty("
            "window, name, { get() { throw new DOMException('denied', 'SecurityError'); } })"
        )
        stranger.goto(site.address)
        stranger.fill("#guest-nick", "ann")
        stranger.press("#guest-nick", "Enter")
        stranger.fill("#text", "a draft")
        stranger.click("#settings-button")
        stranger.select_option("#setting-theme", "dark")
        assert stranger.get_attribute("html", "data-theme") == "dark"

    def test_plain(self, stranger: Page, site: PageSite) -> None:
        """Why only guests come in stands there."""
        site.refuseSignIn("this connection is not encrypted")
        stranger.goto(site.address)
        stranger.locator("#sign-in-impossible", has_text="not encrypted").wait_for()
        assert stranger.is_disabled("#way-account")

    def test_registered_name(self, stranger: Page, site: PageSite, chat: ScriptedChat) -> None:
        chat.answers["enter"] = lambda request: chat.refuse(
            request, "nick-registered", "ann belongs to an account"
        )
        stranger.goto(site.address)
        stranger.fill("#guest-nick", "ann")
        stranger.press("#guest-nick", "Enter")
        stranger.wait_for_selector("#password")
        assert stranger.input_value("#account") == "ann"

    def test_revoked(self, window: BrowserContext, site: PageSite, chat: ScriptedChat) -> None:
        """If the account is signed out from afar, a guest who goes on sees nothing of it."""
        chat.account = "eve"
        page = window.new_page()
        chat.attach(page)
        page.goto(site.address)
        titled(page, "#lobby")
        chat.send(chat.whispered("bob", "eve", "for eve only"))
        page.locator("#talks >> text=bob").wait_for()
        chat.account = None
        chat.answers["resume"] = lambda request: chat.refuse(request, "no-session", "no session")
        chat.send({"type": "refused", "code": "token-revoked", "text": "the token was revoked"})
        page.click("#retry")
        page.locator("#own-name", has_text="ann").wait_for()
        assert not page.locator("#talks >> text=bob").count()

    def test_secret(self, page: Page, chat: ScriptedChat) -> None:
        """A question of the server for a password is answered outside of the room."""

        def command(request: dict[str, Any]) -> bool:
            chat.send({"type": "prompt", "text": "old password"})
            return False

        chat.answers["command"] = command
        say(page, "/passwd")
        page.fill("#secret", "swordfish")
        page.press("#secret", "Enter")
        waitFor(page, "!document.getElementById('secret-dialog').open")
        until(page, lambda: chat.requests("answer"))
        assert chat.requests("answer") == [{"do": "answer", "text": "swordfish"}]
        assert page.input_value("#secret") == ""

    def test_register(self, page: Page, chat: ScriptedChat) -> None:
        say(page, "/register")
        for label in ("New password", "The same again"):
            page.locator("#secret-label", has_text=label).wait_for()
            page.fill("#secret", "swordfish")
            page.press("#secret", "Enter")
        waitFor(page, "!document.getElementById('secret-dialog').open")
        until(page, lambda: chat.requests("command"))
        assert [one["line"] for one in chat.requests("command")] == ["/register swordfish"]
        assert not page.locator(".kind-error").count()


class TestSaying:
    def test_lines(self, page: Page, chat: ScriptedChat) -> None:
        page.click("#text")
        page.keyboard.type("two")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("lines")
        page.keyboard.press("Enter")
        shows(page, "lines")
        until(page, lambda: chat.requests("say"))
        assert chat.requests("say")[0]["text"] == "two\nlines"
        assert texts(page)[-2:] == ["two", "lines"]
        assert page.input_value("#text") == ""
        time = page.locator(".line .time").last
        assert (time.get_attribute("data-full") or "").endswith(", number 52")

    def test_full_time(self, page: Page, chat: ScriptedChat) -> None:
        """It is seen under the mouse, and when its line has the focus."""
        full = """() => getComputedStyle([...document.querySelectorAll(".line .time")].at(-1),
            "::after").content"""
        page.hover("#title")
        assert page.evaluate(full) == "none"
        page.hover(".line .time >> nth=-1")
        assert "number 50" in page.evaluate(full)
        page.hover("#title")
        page.focus("#lines")
        page.keyboard.press("ArrowUp")
        assert "number 50" in page.evaluate(full)

    def test_input_method(self, page: Page, chat: ScriptedChat) -> None:
        """Enter that ends the choice of a character sends nothing."""
        page.fill("#text", "にほんご")
        page.dispatch_event(
            "#text", "keydown", {"key": "Enter", "isComposing": True, "keyCode": 229}
        )
        assert page.input_value("#text") == "にほんご"
        assert not chat.requests("say")

    def test_command(self, page: Page, chat: ScriptedChat) -> None:
        def command(request: dict[str, Any]) -> bool:
            chat.send({"type": "notice", "lines": ["done so"], "code": ""})
            return True

        chat.answers["command"] = command
        say(page, "/mode +t")
        shows(page, "done so")
        assert chat.requests("command")[0]["line"] == "/mode +t"
        assert chat.requests("command")[0]["room"] == "lobby"

    def test_refused(self, page: Page, chat: ScriptedChat) -> None:
        """What was refused can be changed and sent again."""
        chat.answers["say"] = lambda request: chat.refuse(request, "muted", "you may not speak")
        say(page, "hello")
        shows(page, "you may not speak")
        page.click("text=Edit")
        assert page.input_value("#text") == "hello"
        assert "hello" not in texts(page)
        say(page, "//kick bob")
        page.click("text=Edit")
        assert page.input_value("#text") == "//kick bob"

    def test_many_lines(self, page: Page, chat: ScriptedChat) -> None:
        """More lines than one request may have are several requests, in order."""
        page.fill("#text", "\n".join(f"line {number}" for number in range(120)))
        page.press("#text", "Enter")
        shows(page, "line 119")
        until(page, lambda: len(chat.requests("say")) == 3)
        assert [len(one["text"].split("\n")) for one in chat.requests("say")] == [50, 50, 20]

    def test_much_text(self, page: Page, chat: ScriptedChat) -> None:
        """Neither is one request too large, nor are many under way: signs of life come between."""
        chat.answers["say"] = lambda request: False
        page.fill("#text", "\n".join(['"' * 1400] * 40))
        page.press("#text", "Enter")
        until(page, lambda: chat.requests("say"))
        assert [len(one["text"]) for one in chat.requests("say")] == [5 * 1401 - 1]
        chat.done(chat.requests("say")[0])
        until(page, lambda: len(chat.requests("say")) == 2)

    def test_full(self, page: Page) -> None:
        """What does not fit is not cut off without a word."""
        page.fill("#text", "\n".join(["x" * 1000] * 61))
        page.locator("#hint", has_text="at most 60000 characters").wait_for()

    def test_topic(self, page: Page) -> None:
        """A command from a menu does not become part of what was typed."""
        page.fill("#text", "draft")
        page.click("#room-button")
        page.click("text=Change the topic")
        assert page.input_value("#text") == "/topic "
        page.keyboard.press("Home")
        page.keyboard.press("ArrowUp")
        assert page.input_value("#text") == "draft"

    def test_completion(self, page: Page) -> None:
        page.click("#text")
        page.keyboard.type("/mo")
        page.keyboard.press("Tab")
        assert page.input_value("#text") == "/mode "
        page.fill("#text", "")
        page.keyboard.type("ca")
        page.keyboard.press("Tab")
        assert page.input_value("#text") == "carla: "

    def test_recall(self, page: Page) -> None:
        for text in ("one", "two"):
            say(page, text)
        page.keyboard.type("draft")
        page.keyboard.press("Home")
        for expected in ("two", "one", "one"):
            page.keyboard.press("ArrowUp")
            assert page.input_value("#text") == expected
        for expected in ("two", "draft"):
            page.keyboard.press("ArrowDown")
            assert page.input_value("#text") == expected

    def test_drafts(self, page: Page, chat: ScriptedChat) -> None:
        """Each room has its own, over changes of the room, of the connection, and a reload."""
        say(page, "/join kitchen")
        titled(page, "#kitchen")
        page.fill("#text", "for the kitchen")
        page.click("#rooms >> text=lobby")
        assert page.input_value("#text") == ""
        page.fill("#text", "for the lobby")
        chat.lose()
        page.wait_for_selector("[data-connection=back]")
        assert page.input_value("#text") == "for the lobby"
        page.click("#rooms >> text=kitchen")
        assert page.input_value("#text") == "for the kitchen"
        page.reload()
        titled(page, "#kitchen")
        assert page.input_value("#text") == "for the kitchen"

    def test_wrong_clock(self, page: Page, chat: ScriptedChat) -> None:
        """What has no time of the server is not of another day than the lines around it."""
        page.evaluate("window.realNow = Date.now; Date.now = () => realNow() + 3 * 86400e3")
        days = page.locator(".day").count()
        for nick in ("bob", "eve"):
            chat.say(nick, f"good morning from {nick}", time=page.evaluate("realNow()") * 1_000_000)
            chat.send({"type": "left", "room": "lobby", "nick": nick, "text": ""})
            page.locator(".kind-presence", has_text=nick).wait_for()
        assert page.locator(".day").count() == days + 1


class TestHostileText:
    def test_links(self, page: Page, chat: ScriptedChat) -> None:
        chat.say("bob", "see https://a.example/<b>")
        link = page.locator(".line a").last
        link.wait_for()
        assert link.get_attribute("href") == "https://a.example/"
        assert link.get_attribute("rel") == "noopener noreferrer"

    def test_direction(self, page: Page, chat: ScriptedChat) -> None:
        """A name or text from right to left turns nothing around but itself."""
        chat.say("فاطمة", "مرحبا")
        chat.say("\u202ebob", "a\u202eb\u200b")
        shows(page, "مرحبا")
        row = page.locator(".line", has_text="مرحبا").last
        assert row.locator("bdi.nick").count() == 1
        assert row.locator(".text").evaluate("e => getComputedStyle(e).direction") == "rtl"
        assert row.locator(".time").evaluate("e => e.getBoundingClientRect().left") < 300
        assert texts(page)[-1] == "a\\u202eb\\u200b"

    def test_bad_frame(self, page: Page, chat: ScriptedChat) -> None:
        """What is no JSON ends the connection, not the page."""
        chat.sockets[-1].send("{half")
        page.wait_for_selector("[data-connection=back]")
        assert len(chat.requests("resume")) == 1


class TestConnection:
    def test_nothing_missed(self, page: Page, chat: ScriptedChat) -> None:
        chat.lose()
        page.locator("#banner", has_text="resumed, nothing missed").wait_for()
        assert chat.requests("resume")[0]["token"] == "t1"
        assert not chat.requests("since")

    def test_missed_in_private(
        self, openWindow: OpenWindow, site: PageSite, chat: ScriptedChat
    ) -> None:
        """What waited in the inbox was missed; to a guest nothing is kept."""
        page = openWindow().new_page()
        chat.attach(page)
        chat.account = "ann"
        page.goto(site.address)
        shows(page, "50 ")
        letter = {
            "kind": "message",
            "nick": "bob",
            "to": "ann",
            "text": "psst",
            "time": 1,
            "id": "w1",
        }
        inbox = {"type": "inbox", "letters": [letter], "more": False}

        def answer(request: dict[str, Any]) -> bool:
            chat.send(inbox)
            return True

        chat.answers["inbox"] = answer
        chat.lose()
        page.locator("#banner", has_text="1 line was said meanwhile").wait_for()
        chat.lose()
        page.locator("#banner", has_text="nothing missed").wait_for()

    def test_zalgo(self, page: Page, chat: ScriptedChat) -> None:
        """Piled marks do not cover other lines."""
        chat.say("bob", "a" + "\u0335\u0321\u0322\u030d" * 40)
        shows(page, "a\u0335")
        assert page.locator(".line").last.evaluate("e => getComputedStyle(e).overflowY") == "clip"

    def test_token_refused(self, page: Page, chat: ScriptedChat) -> None:
        """One enters again, and into the same rooms."""
        chat.answers["resume"] = lambda request: chat.refuse(request, "nothing-to-resume", "gone")
        chat.unseen("bob", "one")
        chat.lose()
        page.locator("#banner", has_text="in again, 1 line was said meanwhile").wait_for()
        assert len(chat.requests("enter")) == 2
        assert texts(page)[-1] == "one"
        assert texts(page).count("one") == 1

    def test_renamed(self, page: Page, chat: ScriptedChat) -> None:
        """A guest comes back with the new name; a talk is called as the other one writes it."""
        chat.send(chat.whispered("bob", "ann", "psst"))
        for nick, to in (("ann", "anna"), ("bob", "BOB")):
            chat.send({"type": "renamed", "nick": nick, "to": to, "account": None})
        page.locator("#own-name", has_text="anna").wait_for()
        page.locator("#talks a", has_text="BOB").wait_for()
        chat.answers["resume"] = lambda request: chat.refuse(request, "nothing-to-resume", "gone")
        chat.lose()
        page.locator("#banner", has_text="in again").wait_for()
        assert [one["nick"] for one in chat.requests("enter")] == ["ann", "anna"]

    def test_long_absence(self, page: Page, chat: ScriptedChat) -> None:
        """Not all lines of a night are asked for, but all can be scrolled to."""
        chat.last["lobby"] = 9000
        chat.lose()
        page.locator("#banner", has_text="8,950 lines were said meanwhile").wait_for()
        shows(page, "9000 ")
        assert not chat.requests("since")
        numbers = scrollUntil(page, "= 0", lambda numbers: numbers[0] < 8800)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def test_said_meanwhile(self, page: Page, chat: ScriptedChat) -> None:
        """What one says without a connection is sent by the next one."""
        chat.refusing = True
        chat.lose()
        page.wait_for_selector("[data-connection=waiting]")
        say(page, "later")
        page.locator(".unsent", has_text="waits for the connection").wait_for()
        chat.refusing = False
        page.click("#retry")
        waitFor(page, "!document.querySelector('.unsent')")
        assert texts(page)[-1] == "later"
        assert len(chat.requests("say")) == 1

    @pytest.mark.parametrize("arrived", [True, False])
    def test_lost_while_sending(self, page: Page, chat: ScriptedChat, arrived: bool) -> None:
        """It is sent again if it has not arrived, and only then."""
        chat.answers["say"] = lambda request: False
        say(page, "once")
        page.locator(".unsent").wait_for()
        del chat.answers["say"]
        if arrived:
            chat.unseen("ann", "once")
        chat.lose()
        waitFor(page, "!document.querySelector('.unsent')")
        assert texts(page).count("once") == 1
        assert len(chat.requests("say")) == (1 if arrived else 2)

    def test_lost_and_changed(self, page: Page, chat: ScriptedChat) -> None:
        """A text is known again though the server shows hidden characters and ends more lines."""
        chat.answers["say"] = lambda request: False
        say(page, "a\u202eb c\u2028d")
        page.locator(".unsent").wait_for()
        for text in (r"a\u202eb c", "d"):
            chat.unseen("ann", text)
        chat.lose()
        waitFor(page, "!document.querySelector('.unsent')")
        assert len(chat.requests("say")) == 1

    def test_lost_in_private(self, page: Page, chat: ScriptedChat) -> None:
        """An older line with the same text is none; and what is not kept is not sent twice."""
        say(page, "/msg bob hi")
        waitFor(page, "!document.querySelector('.unsent')")
        chat.answers["whisper"] = lambda request: False
        say(page, "hi")
        page.locator(".unsent").wait_for()
        chat.lose()
        page.locator(".unsent", has_text="perhaps not sent").wait_for()
        assert len(chat.requests("whisper")) == 2
        del chat.answers["whisper"]
        page.click("text=Send again")
        waitFor(page, "!document.querySelector('.unsent')")
        assert texts(page).count("hi") == 2

    def test_restored(self, page: Page, chat: ScriptedChat) -> None:
        """Lines that the server does not have any more go away."""
        chat.epoch = "e2"
        chat.last["lobby"] = 40

        def since(request: dict[str, Any]) -> bool:
            chat.send(
                {
                    "type": "restored",
                    "room": "lobby",
                    "epoch": "e2",
                    "seq": 50,
                    "last": 40,
                    "common": 38,
                    "first": 39,
                    "sure": True,
                }
            )
            chat._since({**request, "seq": 38})
            return True

        chat.answers["since"] = since
        chat.lose()
        page.wait_for_selector("[data-connection=back]")
        assert numbersShown(page)[-3:] == [38, 39, 40]

    def test_taken_over(self, page: Page, chat: ScriptedChat) -> None:
        """Two windows do not fight for one session."""
        chat.send({"type": "refused", "code": "taken-over", "text": "another connection"})
        page.locator("#banner", has_text="in another window").wait_for()
        page.wait_for_timeout(700)
        assert len(chat.sockets) == 1
        page.click("#retry")
        page.wait_for_selector("[data-connection=back]")

    def test_silent_server(self, page: Page, chat: ScriptedChat) -> None:
        """A wake-up asks whether the other side lives."""
        page.evaluate("dispatchEvent(new Event('online'))")
        until(page, lambda: chat.requests("ping"))


class TestUnread:
    def test_counts(self, page: Page, chat: ScriptedChat) -> None:
        say(page, "/join kitchen")
        titled(page, "#kitchen")
        chat.say("bob", "one")
        chat.say("bob", "ann: two")
        lobby = page.locator("#rooms .for-you", has_text="2 unread, 1 for you")
        lobby.wait_for()
        assert page.title().startswith("(1) #kitchen")
        lobby.click()
        page.wait_for_selector(".unread-line")
        waitFor(page, "document.title.startsWith('#lobby')")
        assert page.locator("#rooms .count:not(:empty)").count() == 0
        assert page.locator(".mention").count() == 1

    def test_marked_elsewhere(self, page: Page, chat: ScriptedChat) -> None:
        say(page, "/join kitchen")
        titled(page, "#kitchen")
        seq = chat.say("bob", "one")
        page.locator("#rooms .count", has_text="1").wait_for()
        chat.send({"type": "read", "room": "lobby", "seq": seq})
        waitFor(page, "!document.querySelector('#rooms .unread')")

    def test_account(self, window: BrowserContext, site: PageSite, chat: ScriptedChat) -> None:
        """What was read is told to the server, so that other programs know it."""
        chat.account = "ann"
        page = window.new_page()
        chat.attach(page)
        page.goto(site.address)
        shows(page, "50 ")
        chat.say("bob", "new")
        shows(page, "new")
        until(page, lambda: chat.requests("read") and chat.requests("read")[-1]["seq"] == 51)

    def test_scrolled_up(self, page: Page, chat: ScriptedChat) -> None:
        """What comes while one reads older lines does not move them."""
        page.evaluate("document.getElementById('lines').scrollTop = 300")
        page.wait_for_timeout(200)
        place = """[...document.querySelectorAll(".line")]
            .map(line => [line.innerText, line.getBoundingClientRect().top])
            .find(([, top]) => top > 100)"""
        before = page.evaluate(place)
        chat.say("bob", "far below")
        page.locator("#to-end", has_text="1 new").wait_for()
        assert page.evaluate(place) == before
        page.click("#to-end")
        shows(page, "far below")

    def test_announced(self, page: Page, chat: ScriptedChat) -> None:
        """Screen readers get new lines of the room once, and others only if they name one."""
        chat.say("bob", "good morning")
        page.locator("#announce p", has_text="bob: good morning").wait_for(state="attached")
        assert page.locator("#lines").get_attribute("aria-live") == "off"

    def test_notification(self, window: BrowserContext, page: Page, chat: ScriptedChat) -> None:
        window.grant_permissions(["notifications"])
        page.evaluate(
            """() => { window.shown = []; const real = Notification;
            window.Notification = class { static permission = "granted";
              static async requestPermission() { return "granted" }
              constructor(title, options) { shown.push([title, options.body]) } } }"""
        )
        page.click("#settings-button")
        page.check("#notify-mention")
        page.click("#settings [data-close]")
        say(page, "/join kitchen")
        titled(page, "#kitchen")
        chat.say("bob", "not for you")
        chat.say("bob", "Ann, \u202ecome")
        waitFor(page, "window.shown.length")
        assert page.evaluate("shown") == [["bob in #lobby", "Ann, \\u202ecome"]]

    def test_two_windows(self, window: BrowserContext, site: PageSite) -> None:
        """What one window shows is read in the other one, which does not notify of it."""
        from tests.live.support.scripted_chat import ScriptedChat

        pages, chats = [], []
        for place in ("#lobby", "#@bob"):
            page, chat = window.new_page(), ScriptedChat()
            chat.account = "eve"
            chat.attach(page)
            page.add_init_script(
                """window.shown = []; if (location.hostname) localStorage["notify-mention"] = "on";
                window.Notification = class { static permission = "granted";
                  constructor(title) { shown.push(title) } }"""
            )
            page.goto(site.address + place)
            titled(page, place.lstrip("#@"))
            pages.append(page)
            chats.append(chat)
        for chat in chats:
            chat.send(chat.whispered("bob", "eve", "in the talk"))
        shows(pages[1], "in the talk")
        chats[0].send(chats[0].whispered("zoe", "eve", "elsewhere"))
        waitFor(pages[0], "window.shown.length")
        pages[0].locator("#talks .unread", has_text="zoe").wait_for()
        assert pages[0].evaluate("shown") == ["zoe"]
        assert pages[0].locator("#talks .unread").count() == 1

    def test_permission_lost(self, page: Page) -> None:
        """The setting does not say that there are notifications if the browser allows none now."""
        page.evaluate("localStorage['notify-mention'] = 'on'")
        page.add_init_script("window.Notification = class { static permission = 'default' }")
        page.reload()
        shows(page, "50 ")
        page.click("#settings-button")
        assert not page.is_checked("#notify-mention")

    def test_insecure(self, page: Page) -> None:
        """What needs HTTPS says so."""
        page.evaluate("Object.defineProperty(window, 'isSecureContext', {value: false})")
        page.click("#settings-button")
        page.locator("#notify-why", has_text="need HTTPS").wait_for()
        assert page.is_disabled("#notify-mention")


class TestPlaces:
    def test_scroll_back(self, page: Page, chat: ScriptedChat) -> None:
        """To the first line, each once and in order."""
        chat.say("bob", "last")
        scrollToBegin(page)
        numbers = numbersShown(page)
        assert numbers == list(range(1, len(numbers) + 1))

    def test_permalink(self, window: BrowserContext, site: PageSite, chat: ScriptedChat) -> None:
        """A far line is shown in its place; from there one reads on to the newest."""
        chat.last["lobby"] = 5000
        page = window.new_page()
        chat.attach(page)
        page.goto(f"{site.address}#lobby/1234")
        page.locator(".line:focus", has_text="1234 ").wait_for()
        assert page.is_visible("#to-end")
        numbers = scrollUntil(page, "+= 4000", lambda numbers: numbers[0] > 1300)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        page.click("#to-end")
        shows(page, "5000 ")

    def test_link_in_text(self, page: Page, chat: ScriptedChat) -> None:
        chat.last["lobby"] = 3000
        chat.say("bob", "see #lobby/700")
        page.click("text=#lobby/700")
        page.locator(".line:focus", has_text="700 ").wait_for()
        page.go_back()

    def test_missing_line(self, page: Page, chat: ScriptedChat) -> None:
        """Said once, and asked for once."""
        page.evaluate("location.hash = '#lobby/99999'")
        shows(page, "there is no line 99999 here")
        chat.say("bob", "see #lobby/99999")
        page.click("text=#lobby/99999")
        page.locator(".kind-error").nth(1).wait_for()
        chat.say("bob", "later")
        shows(page, "later")
        assert page.locator(".kind-error").count() == len(chat.requests("around")) == 2

    def test_back_out(self, window: BrowserContext, site: PageSite, chat: ScriptedChat) -> None:
        """The address that names no room is no place to go back to."""
        page = window.new_page()
        chat.attach(page)
        before = f"{site.address}page/icon.svg"
        page.goto(before)
        page.goto(site.address)
        titled(page, "#lobby")
        waitFor(page, "location.hash === '#lobby'")
        page.go_back()
        assert page.url == before

    def test_missing_room(self, page: Page, chat: ScriptedChat) -> None:
        chat.answers["join"] = lambda request: chat.refuse(request, "bad-name", "no such name")
        page.evaluate("location.hash = '#foo%20bar'")
        shows(page, "no such name")
        assert "foo bar" not in page.inner_text("#rooms")

    def test_search(self, page: Page, chat: ScriptedChat) -> None:
        page.keyboard.press("Control+Shift+F")
        page.keyboard.type("kettle")
        page.keyboard.press("Enter")
        page.locator("#search-state", has_text="20 newest found").wait_for()
        assert chat.requests("search")[0]["room"] == "lobby"
        page.click(".hit >> nth=-1")
        page.locator(".line:focus.found").wait_for()

    def test_search_anew(self, page: Page, chat: ScriptedChat) -> None:
        """Lines found for the text before are not among those of the new one."""
        page.keyboard.press("Control+Shift+F")
        page.fill("#search-text", "kettle")
        page.evaluate(
            """() => { const form = document.getElementById("search-form");
            form.requestSubmit(); form.requestSubmit(); }"""
        )
        until(page, lambda: len(chat.requests("search")) == 2)
        chat.say("bob", "later")
        shows(page, "later")
        assert page.locator(".hit").count() == 20

    def test_deleted(self, page: Page, chat: ScriptedChat) -> None:
        seq = chat.say("bob", "to be deleted")
        shows(page, "to be deleted")
        chat.say("bob", str(seq), kind="delete")
        shows(page, "what bob said here was deleted")
        assert "to be deleted" not in texts(page)

    def test_private_talk(self, page: Page, chat: ScriptedChat) -> None:
        say(page, "/msg bob psst")
        titled(page, "bob")
        shows(page, "psst")
        page.click("#rooms >> text=lobby")
        chat.send(chat.whispered("bob", "ann", "yes?"))
        page.locator("#talks .count", has_text="1").wait_for()
        page.click("#talks a")
        shows(page, "yes?")


class TestLetters:
    """Private messages between accounts."""

    def test_sign_out(self, talk: Page, chat: ScriptedChat) -> None:
        """Who signs out leaves nothing of it to the next one at this window."""
        talk.fill("#text", "draft")
        talk.evaluate("location.hash = '#kitchen'")
        titled(talk, "#kitchen")
        chat.account = None
        say(talk, "/logout")
        talk.locator("#own", has_text="guest").wait_for()
        titled(talk, "#kitchen")
        assert talk.locator("#talks a").count() == 0
        assert not talk.evaluate("Object.keys(sessionStorage).some(key => key.startsWith('draft'))")

    @pytest.fixture
    def talk(self, window: BrowserContext, site: PageSite, chat: ScriptedChat) -> Page:
        chat.account = "ann"
        chat.letters = [
            {**chat.whispered("ann", "bob", f"{number} psst", f"e1-{number}-w0"), "time": number}
            for number in range(1, 91)
        ]
        page = window.new_page()
        chat.attach(page)
        page.goto(f"{site.address}#@bob")
        shows(page, "90 psst")
        return page

    def test_scroll_back(self, talk: Page) -> None:
        numbers = scrollUntil(talk, "= 0", lambda numbers: numbers[0] == 1)
        assert numbers == list(range(1, len(numbers) + 1))

    def test_deleted(self, talk: Page, chat: ScriptedChat) -> None:
        """By the menu, and for both."""

        def command(request: dict[str, Any]) -> bool:
            gone = {"type": "unwhispered", "nick": "ann", "account": "ann", "to": "bob"}
            chat.send({**gone, "id": request["line"].split()[1]})
            return True

        chat.answers["command"] = command
        talk.focus("#lines")
        for key in ("ArrowUp", "Enter", "End", "Enter"):
            talk.keyboard.press(key)
        talk.click("#confirm-yes")
        shows(talk, "what ann said here was deleted")
        assert chat.requests("command")[0]["line"] == "/delete e1-90-w0"


class TestKeys:
    def test_rooms(self, page: Page, chat: ScriptedChat) -> None:
        page.keyboard.press("Control+k")
        page.keyboard.type("kitchen")
        page.keyboard.press("Enter")
        titled(page, "#kitchen")
        page.keyboard.press("Alt+ArrowDown")
        titled(page, "#lobby")
        chat.say("bob", "news", room="kitchen")
        page.locator("#rooms .unread").wait_for()
        page.keyboard.press("Alt+Shift+ArrowUp")
        titled(page, "#kitchen")

    def test_to_the_text(self, page: Page) -> None:
        page.focus("#lines")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "text"
        assert page.input_value("#text") == "/"
        page.fill("#text", "")
        page.focus("#search-button")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "text"

    def test_lines(self, page: Page, chat: ScriptedChat) -> None:
        """From line to line, and to the menu of one, without a mouse."""
        chat.say("bob", "for the menu")
        shows(page, "for the menu")
        page.focus("#lines")
        page.keyboard.press("ArrowUp")
        page.locator(".line:focus", has_text="for the menu").wait_for()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.textContent") == "Copy the text"
        page.keyboard.press("Escape")
        page.locator(".line:focus", has_text="for the menu").wait_for()
        for _ in range(40):
            page.keyboard.press("ArrowUp")
        page.locator(".line:focus", has_text="11 ").wait_for()

    def test_delete(self, page: Page, chat: ScriptedChat) -> None:
        chat.send({"type": "people", "room": "lobby", "people": [
            {"nick": "ann", "guest": True, "away": "", "rank": "operator"}]})  # fmt: skip
        seq = chat.say("bob", "rude")
        shows(page, "rude")
        page.focus("#lines")
        for key in ("ArrowUp", "Enter", "End", "Enter"):
            page.keyboard.press(key)
        page.click("#confirm-yes")
        until(page, lambda: chat.requests("delete"))
        assert [one["seq"] for one in chat.requests("delete")] == [seq]

    def test_help(self, page: Page) -> None:
        page.keyboard.press("F1")
        page.locator("#help-commands", has_text="/me TEXT").wait_for()
        page.keyboard.press("Escape")
        assert not page.is_visible("#help")


class TestWidths:
    def test_phone(self, page: Page, chat: ScriptedChat) -> None:
        page.set_viewport_size({"width": 360, "height": 640})
        say(page, "/join kitchen")
        titled(page, "#kitchen")
        chat.say("bob", "ann!")
        page.locator("#menu-badge", has_text="1").wait_for()
        page.click("#side-button")
        page.click("#rooms >> text=lobby")
        titled(page, "#lobby")
        waitFor(page, "document.getElementById('side').getBoundingClientRect().right <= 0")
        page.click("#people-button")
        page.click(".person >> text=bob")
        page.click("text=Talk in private")
        titled(page, "bob")
