"""An evening in a chat that stores something of everything, and what a later visitor sees."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.compatibility.people import PATIENCE, Person, Server, plain, plainText

#: Everybody's password.
SECRET = "correct horse battery"

CONFIG = 'chat-operators = ["Root"]\nflood-lines = 0\nflood-bytes = 0\nkeep = "forever"\n'

#: What somebody types into the client of the chat.
TYPED = (
    *("/who", "/history 3", "/inbox", "hello", "/me waves", "/search hello", "/nope", "/away x"),
    *("/away", "/rooms", "/whois ann", "/seen bob", "/ban", "/mute", "/msg bob hi", "/topic"),
    *("/topic new", "/nick Anna", "/who", "/op bob", "/private off", "/private on", "/invite bob"),
    *("/ban cat 2h", "/kick bob", "/delete 2", "/help me", "/part", "/read tee 5", "/ack on"),
)

#: Lines that are said one after the other.
KEPT = 240

DATABASE = "chat.sqlite"

#: Columns with values of which only the type is the same each time.
_CHANGING = frozenset(
    {"log", "secret", "position", "verifier", "idx", "mask", "version", "words", "indexed"}
)

Notes = dict[str, list[Any]]


def start(state: Path) -> Server:
    state.mkdir(mode=0o700, exist_ok=True)
    config = state.with_name("config.toml")
    config.write_text(CONFIG)
    return Server(state, "--config", str(config))


def spend(state: Path) -> tuple[Notes, Any, Any, list[Any]]:
    notes: Notes = {}
    with start(state) as server:
        ports, audits = server.ports, []
        notes |= _first(server)
    counters = json.loads((state / "counters.json").read_text("utf-8"))
    audits += _audits(server.log)
    with start(state) as server:
        notes |= _second(server)
    return notes, plain(ports), _names(counters), audits + _audits(server.log)


def _first(server: Server) -> Notes:
    ann, bob, cat = (Person(server, json=True) for _ in range(3))
    zoe, eve, root = (Person(server, json=False) for _ in range(3))
    cat.do("hello?", "/nick", "/nick no such name", "/resume nothing", "/login nobody x", "/who")
    ann.do("/nick Ann", f"/register {SECRET}", "/ack on", "/echo on")
    bob.do("/nick bob", "/register", secrets=(SECRET, SECRET))
    bob.do("/passwd", secrets=(SECRET, "another secret", "another secret"))
    bob.do(f"/passwd wrong {SECRET}", f"/passwd another secret {SECRET}", "/register x")
    zoe.do("Zoë")
    zoe.do(f"/register {SECRET}", "/away Tee 🍵")
    eve.do(
        "eve", "/nick Ann", "/nick bob", f"/nick {'x' * 60}", "/nick \N{CYRILLIC SMALL LETTER A}nn"
    )
    cat.do("/nick cat", "/nick eve", "/nick ✗", "/nick bob", "/nick Cat2", "/join lobby")
    root.do("/nick root", f"/register {SECRET}", "/help")
    ann.do("/help", "/help msg", "/help nothing", "/nothing", "/ack perhaps", "/history many")
    ann.do("/private on", "/kick cat", "/ban cat", "/history 0", "/search since:noon x", "/part")
    ann.do("/rooms", "/whois Zoë", "/whois cat", "/topic", "/msg Zoë da?", "/msg Zoë", "/me")
    ann.do("/passwd", secrets=(SECRET, "short", "short"))
    ann.do("/passwd", secrets=(SECRET, "long enough", "but different"))
    ann.do("/join Tee", "/topic Tee & Gebäck — 茶", "/private on")
    bob.do("/join tee", "/join Garden", "/topic flowers", "/topic -", "/topic trees 🌳")
    ann.do("/invite bob", "/invite nobody", "/invite Zoë", "/invite cat")
    bob.do("/join tee", "in the tea room", "/me sits down", "/msg #garden from elsewhere")
    for first in range(0, KEPT, 20):
        numbers = range(first, first + 20)
        bob.do(*(f"line {number}, naïve café №{number % 7} 早上好" for number in numbers))
    ann.do("/op bob", "/op cat", "/op nobody", "/who", "/who garden", "/who lobby")
    zoe.do("/join garden", "/who", "/whois ann", "/whois bob", "/whois nobody", "/rooms")
    eve.do("/join Garden", "hello all", "/me waves", "/msg Zoë psst, eve here", "/msg nobody x")
    cat.do("/join garden", "meow", "meow again", "/msg ann guests may whisper", "/delete 999")
    bob.do("/join garden", "/kick Cat2 scratches", "/ban Cat2 520w scratches again", "/ban")
    cat.do("/join garden", "/since garden 0")
    bob.do(
        "/topic",
        "/unban Cat2",
        "/mute eve",
        "/mute Zoë 520w too loud, ça suffit",
        "/mute",
        "/ban Ann",
        "/unban Ann",
    )
    eve.do("may I?", "/op eve", "/kick bob", "/private on")
    zoe.do("darf ich?", "/delete 1")
    bob.do("/unmute eve", "/mute eve 1 x", "/mute eve forever", "/unban nobody", "/kick nobody")
    bob.do("/ban eve 2x", "/ban eve 99999w", "/kick bob", "/kick Ann", "/topic " + "x" * 2000)
    bob.do("/kick eve", "/part garden bis gleich", "/join garden", "/read 2", "/search")
    eve.do("/join garden")
    ann.do("/msg bob for bob only", "/msg bob /me is not done", "/msg eve for a guest")
    zoe.do("/away", "/msg ann für Ann", "/ignore cat", "/ignore", "/ignore cat")
    bob.do(
        "/delete 4",
        "/delete 4",
        "/delete 6",
        "/delete 3",
        "/history 5",
        "/read 4",
        "/read",
        "/search flowers",
    )
    bob.do(
        "/search from:eve", "/search #tee café №3", "/search", "/search #tee 早上好 №6", "/search"
    )
    eve.do("/since 0", "/history 3", "/search meow", "/seen ann", "/seen nobody", "/seen cat")
    root.do("/join garden", "/deop bob", "/kick bob", "/reset bob x", "/drop nobody", "/kick Cat2")
    root.do(f"/reset bob {SECRET} 2", "/op Zoë", "/deop Zoë", "/op Zoë", "/ban eve 520w", "/topic ")
    root.do("/join secret", "/private on", "/private off", "/private on", "only the server")
    other = Person(server, json=True)
    other.do(f"/login Ann {SECRET}", "/join lobby", "two of me", "/logout")
    other.quit("was zwei mal da")
    gone = Person(server, json=True)
    gone.do("/nick Gone", f"/register {SECRET}", "/join garden", "soon away")
    more = Person(server, json=True)
    more.do(f"/resume {gone.token}", "still here")
    root.do("/drop gone")
    # What comes when nobody is there.
    left = zoe.quit("gute Nacht")
    ann.do("/msg Zoë für später", "/msg Zoë /me", "/me thinks", "/read tee 100")
    bob.do("/msg Zoë von bob", "/msg Ann bis dann", "/inbox", "/inbox ann", "/seen Zoë")
    bob.do("/nick Bobby", "/logout", "/nick bob", "/format text", "/who", "/rooms", "/inbox")
    ended = {"gone": gone.end(), "more": more.quit(), "zoe": left, "ann": ann.quit("👋")}
    people = {"bob": bob, "cat": cat, "eve": eve, "root": root, "other": other}
    return (
        ended
        | {name: person.quit() for name, person in people.items() if name != "other"}
        | {"other": other.notes}
    )


def _second(server: Server) -> Notes:
    zoe, bob = Person(server, json=False), Person(server, json=True)
    zoe.do(f"/login Zoë {SECRET}", "/join garden", "/inbox", "/since 0", "still muted?", "/ack on")
    bob.do(f"/login bob {SECRET} 2", "/join tee", "after the restart", "/read 2", "/delete 4")
    zoe.do("/join lobby", "Grüße", "/msg bob noch da?", "/search grüße", "/inbox +")
    return {"zoe again": zoe.quit(), "bob again": bob.quit("bye")}


def _names(counters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: "N" if isinstance(value, int) else value for key, value in entry.items()}
        for entry in counters
    ]


def _audits(log: str) -> list[Any]:
    found = re.findall(r"\[tsservices\.audit#info\] (\{.*\})", log)
    return [plain(json.loads(each)) for each in found]


def visit(state: Path, since: int) -> Notes:
    with start(state) as server:
        ann, zoe, bob = (Person(server, json=True, since=since) for _ in range(3))
        cat, root, new = (Person(server, json=False, since=since) for _ in range(3))
        ann.do(f"/login Ann {SECRET} wrong", f"/login Ann {SECRET}", "/join tee", "/since 0")
        ann.do("/inbox", "/inbox bob", "/who", "/read", "/search café №3", "/search", "/seen bob")
        bob.do(f"/login bob {SECRET}", f"/login bob {SECRET} 2", "/join tee", "/history 3")
        bob.do(
            "/join garden", "/since 0", "/ban", "/mute", "/search from:eve", "/inbox", "/inbox +"
        )
        zoe.do(f"/login Zoë {SECRET}", "/inbox", "/join garden", "still muted?", "/unban eve")
        zoe.do("/ban", "/mute", "/search 早上好", "/rooms")
        cat.do("/nick cat", "/join garden", "/join tee", "/join secret", "/join lobby", "/since 0")
        root.do(f"/login root {SECRET}", "/join secret", "/since 0", "/join garden", "/whois cat")
        new.do("/nick gone", f"/register {SECRET}", "/rooms", "/seen Zoë")
        people = {"ann": ann, "bob": bob, "zoe": zoe, "cat": cat, "root": root, "new": new}
        found = {name: person.quit() for name, person in people.items()}
        for form in ("text", "json"):
            export = ("tsservices", "export", "--state", str(state), "--format", form, "Garden")
            lines = _run(export)
            if form == "json":
                lines = [plain(json.loads(line), since) for line in lines[:-1]] + lines[-1:]
            found[f"export in {form}"] = lines
        client = ("tsservices.client", "chat", "--port", str(server.port), "--account", "Ann")
        more = ("--room", "tee", "--room", "garden", "--state", str(state))
        found["client"] = _run((*client, *more), "".join(f"{line}\n" for line in TYPED))
        return found


def _run(words: Sequence[str], typed: str = "") -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "TZ": "UTC", "TSSERVICES_PASSWORD": SECRET},
        timeout=PATIENCE,
        check=False,
    )
    lines = f"{done.stderr}{done.stdout}".splitlines()
    return [*plainText(lines), f"[exit status {done.returncode}]"]


def rows(database: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'words%'"
        )
        for (table,) in listed.fetchall():
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
            names = [each[0] for each in cursor.description]
            found[table] = [names, *(_row(names, row) for row in cursor.fetchall())]
    return found


def _row(names: list[str], row: tuple[Any, ...]) -> Any:
    return [
        f"a {type(value).__name__}" if name in _CHANGING else plain(value)
        for name, value in zip(names, row, strict=True)
    ]


def schema(database: Path) -> list[str]:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        found = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rootpage, name"
        )
        texts = [" ".join(text.split()) for (text,) in found.fetchall()]
        for pragma in ("application_id", "user_version"):
            (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
            texts.append(f"PRAGMA {pragma} = {value}")
        return texts
