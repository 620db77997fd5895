"""Tests for the names of channels: each person is named, or joins later, and never both."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.support.examples import thorough
from tests.support.irc_clients import IRCFrontendCase, IRCTestClient
from tsservices.frontends.irc.formats.name_lines import NICK, NameLines, NamesCache, divide
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.people import isLonger


def namesIn(lines: list[str]) -> list[str]:
    texts = [line.split(" :")[-1] for line in lines if " 353 " in line]
    return [name for text in texts for name in text.split(" ")]


def nicksWith(command: str, lines: list[str]) -> list[str]:
    return [line[1:].split("!")[0] for line in lines if line.split(" ")[1] == command]


class JoinTests(IRCFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann = self.join("ann", "#tea")

    def connected(self, nick: str, caps: str = "") -> IRCTestClient:
        return self.join(nick, caps=caps)

    def leave(self, *clients: IRCTestClient) -> None:
        for client in clients:
            client.send("QUIT")
            client.disconnect()

    def unsent(self, client: IRCTestClient, line: str) -> None:
        # In the same turn as what follows.
        client.protocol.dataReceived(f"{line}\r\n".encode())

    def test_whoJoinsInTheSameTurn(self) -> None:
        for caps in ("", "multi-prefix", "userhost-in-names", "server-time batch"):
            with self.subTest(caps):
                bob, eve = self.connected("bob", caps), self.connected("eve", caps)
                bob.heard(), eve.heard()
                self.unsent(bob, "JOIN #tea")
                self.unsent(eve, "JOIN #tea")
                bob.send()
                first, second = bob.heard(), eve.heard()
                untagged = [line.partition(" ")[2] if line[0] == "@" else line for line in first]
                named = [name.split("!")[0] for name in namesIn(untagged)]
                self.assertEqual(named, ["@ann", "bob"])
                self.assertEqual(nicksWith("JOIN", untagged), ["bob", "eve"])
                named = [name.split("!")[0] for name in namesIn(second)]
                self.assertEqual(named, ["@ann", "bob", "eve"])
                self.leave(bob, eve)

    def test_whoJoinsBeforeTheJoinIsStored(self) -> None:
        bob, eve = self.connected("bob"), self.connected("eve")
        self.ann.send("TOPIC #tea :hot")
        self.storage.slow = True
        self.ann.send("PRIVMSG #tea :hello")
        bob.heard(), eve.heard()
        bob.send("JOIN #tea")
        eve.send("JOIN #tea")
        self.assertEqual(bob.heard() + eve.heard(), [])
        self.storage.storeQueued()
        bob.send()
        heard = bob.heard()
        self.assertEqual(namesIn(heard), ["@ann", "bob"])
        self.assertEqual(nicksWith("JOIN", heard), ["bob", "eve"])
        self.assertEqual(namesIn(eve.heard()), ["@ann", "bob", "eve"])

    def test_whoLeavesOrIsRenamedInTheSameTurn(self) -> None:
        for line, command in (("PART #tea", "PART"), ("NICK dora", "NICK"), ("QUIT", "QUIT")):
            with self.subTest(line):
                carl, bob = self.join("carl", "#tea"), self.connected("bob")
                bob.heard()
                self.unsent(bob, "JOIN #tea")
                self.unsent(carl, line)
                bob.send()
                heard = bob.heard()
                self.assertEqual(namesIn(heard), ["@ann", "carl", "bob"])
                self.assertEqual(nicksWith(command, heard), ["carl"])
                self.leave(bob, carl)

    def test_anOperatorWithAnotherName(self) -> None:
        bob = self.connected("bob")
        bob.heard()
        self.unsent(bob, "JOIN #tea")
        self.unsent(self.ann, "NICK anna")
        bob.send()
        self.assertEqual(namesIn(bob.heard()), ["@anna", "bob"])

    def test_allIsAsItWas(self) -> None:
        bob, carl = self.join("bob", "#tea"), self.join("carl", "#tea")
        self.ann.send("MODE #tea -o ann", "PART #tea")
        eve = self.connected("eve")
        eve.heard()
        self.unsent(eve, "JOIN #tea")
        self.unsent(bob, "NICK bill")
        self.unsent(carl, "PART #tea")
        eve.send()
        heard = eve.heard()
        self.assertEqual(namesIn(heard), ["bob", "carl", "eve"])
        self.assertEqual(nicksWith("NICK", heard), ["bob"])
        self.assertEqual(nicksWith("PART", heard), ["carl"])

    def test_manySigns(self) -> None:
        people = [self.join(f"p{number}", "#tea") for number in range(30)]
        voiced = [f"p{number}" for number in range(0, 30, 2)]
        for nick in voiced:
            self.ann.send(f"MODE #tea +v {nick}")
        self.ann.send("MODE #tea +o p0")
        self.assertEqual(len(people), 30)
        for caps, first in (("", "@p0"), ("multi-prefix", "@+p0")):
            bob = self.join("bob", caps=caps)
            names = namesIn(bob.say("JOIN #tea"))
            expected = [
                f"+{nick}" if nick in voiced else nick for nick in (f"p{n}" for n in range(30))
            ]
            self.assertEqual(names, ["@ann", first, *expected[1:], "bob"])
            self.leave(bob)

    def test_longNamesAndLongNicks(self) -> None:
        nicks = [f"{letter * 28}{number:02d}" for number in range(20) for letter in "xé"]
        for nick in nicks:
            self.join(nick, "#tea")
        for nick in ("b", "q" * 32, "ж" * 32):
            client = self.connect()
            client.send(f"NICK {nick}", "USER x 0 * :x")
            lines = client.say("JOIN #tea")
            self.assertEqual(namesIn(lines), ["@ann", *nicks, nick])
            for line in lines:
                self.assertLessEqual(len(line.encode()), BODY_BYTES)
            self.assertEqual(namesIn(client.say("NAMES #tea")), ["@ann", *nicks, nick])
            self.leave(client)

    def test_label(self) -> None:
        bob = self.connected("bob", "labeled-response batch server-time")
        lines = bob.say("@label=1 JOIN #tea")
        self.assertIn("label=1", lines[0])
        self.assertEqual(namesIn(lines), ["@ann", "bob"])
        lines = bob.say("@label=2 NAMES #tea")
        self.assertEqual(namesIn(lines), ["@ann", "bob"])
        self.assertTrue(all(line.count("time=") == 1 for line in lines), lines)

    def test_aChannelThatIsGone(self) -> None:
        bob = self.connected("bob")
        bob.heard()
        bob.protocol.dataReceived(b"JOIN #gone\r\n")
        self.storage.slow = True
        bob.protocol.dataReceived(b"QUIT\r\n")
        bob.send()
        self.assertIn(" 366 bob #gone ", "".join(bob.heard()))


class View:
    """A channel as a program of IRC knows it; complains of news that it can't place."""

    def __init__(self, client: IRCTestClient, nick: str) -> None:
        self.client, self.nick = client, nick
        self.names: set[str] | None = None

    def hear(self) -> None:
        for line in self.client.heard():
            source, command, *words = line.split(" ")
            nick = source[1:].split("!")[0]
            if command == "JOIN" and nick == self.nick:
                assert self.names is None, line
                self.names = set()
            elif command == "353":
                assert self.names is not None, line
                self.names.update(name.lstrip("@+") for name in line.split(" :")[1].split(" "))
            elif command == "PART" and nick == self.nick:
                self.names = None
            elif command == "NICK":
                self.rename(nick, words[0][1:], line)
            elif command in ("JOIN", "PART", "QUIT"):
                assert self.names is not None, line
                assert (nick in self.names) is (command != "JOIN"), (line, self.names)
                self.names ^= {nick}

    def rename(self, old: str, new: str, line: str) -> None:
        if self.names is not None:
            assert old in self.names, (line, self.names)
            assert new not in self.names, (line, self.names)
            self.names = (self.names - {old}) | {new}
        if old == self.nick:
            self.nick = new


class StormTests(IRCFrontendCase):
    """Whoever follows what is sent always knows who is there."""

    def test_random(self) -> None:
        for seed in range(40 if thorough() else 4):
            with self.subTest(seed):
                self.storm(random.Random(seed), seed)

    def storm(self, chance: random.Random, seed: int) -> None:
        channel = f"#c{seed}"
        operator = self.join(f"op{seed}", channel)
        caps = ("", "multi-prefix")
        views = [self.enter(f"x{seed}-{number}", caps[number % 2]) for number in range(6)]
        for step in range(120):
            self.storage.slow = chance.random() < 0.5
            view = chance.choice(views)
            line = chance.choice(
                (f"JOIN {channel}", f"PART {channel}", f"NICK y{seed}-{step}", "QUIT")
            )
            if chance.random() < 0.2:
                operator.protocol.dataReceived(f"PRIVMSG {channel} :to be stored\r\n".encode())
            if line == "QUIT":
                view.client.send(line)
                self.storage.storeQueued()
                view.client.disconnect()
                views.remove(view)
                views.append(self.enter(f"z{seed}-{step}", chance.choice(caps)))
            else:
                view.client.protocol.dataReceived(f"{line}\r\n".encode())
            if chance.random() < 0.5:
                self.clock.advance(0)
            if chance.random() < 0.3:
                self.storage.storeQueued()
        self.storage.slow = False
        self.storage.storeQueued()
        operator.send()
        room = self.chat.context.state.rooms[f"c{seed}"]
        there = {session.nick for session in room.members.values()}
        for view in views:
            view.hear()
            self.assertEqual(view.names, there if view.nick in there else None)
        for view in views:
            view.client.send("QUIT")
            view.client.disconnect()

    def enter(self, nick: str, caps: str) -> View:
        slow, self.storage.slow = self.storage.slow, False
        self.storage.storeQueued()
        client = self.join(nick, caps=caps)
        self.storage.slow = slow
        return View(client, nick)


NAMES = [f"name{number}" for number in range(200)]


def unified(lines: NameLines, names: list[str], signs: dict[str, str], nick: str) -> list[str]:
    text = lines.text(" ".join(names), signs, nick).decode()
    assert text.endswith("\r\n")
    assert NICK not in text
    found = text.split("\r\n")[:-1]
    assert all(line.startswith(f":server 353 {nick} = #tea :") for line in found)
    assert all(len(line.encode()) <= BODY_BYTES for line in found)
    return [name for line in found for name in line.split(" :", 1)[1].split(" ")]


def test_linesGrow() -> None:
    lines = NameLines(f":server 353 {NICK} = #tea :", 400)
    for count in (1, 2, 3, 50, 51, 200, 120, 121, 200):
        assert unified(lines, NAMES[:count], {}, "ann") == NAMES[:count]


@pytest.mark.parametrize("place", [0, 7, 90])
def test_linesOfOtherNames(place: int) -> None:
    lines = NameLines(f":server 353 {NICK} = #tea :", 400)
    unified(lines, NAMES, {}, "ann")
    others = [*NAMES[:place], "somebody", *NAMES[place + 1 :]]
    assert unified(lines, others, {}, "bob") == others
    signed = unified(lines, others, {"somebody": "@"}, "bob")
    assert signed == [*others[:place], "@somebody", *others[place + 1 :]]
    assert unified(lines, others, {}, "bob") == others


def test_aLongerNameIsNoNameBehind() -> None:
    assert isLonger("a b c", "a b")
    assert isLonger("a b", "a b")
    assert isLonger("a", "")
    assert not isLonger("a bc", "a b")
    assert not isLonger("a", "a b")
    lines = NameLines(f":server 353 {NICK} = #tea :", 400)
    unified(lines, ["a", "b"], {}, "ann")
    assert unified(lines, ["a", "bc"], {}, "ann") == ["a", "bc"]


@pytest.mark.parametrize("letter", ["x", "é", "ж"])
def test_divide(letter: str) -> None:
    names = [letter * (1 + number % 9) for number in range(40)]
    for size in (18, 19, 40, 1000):
        lines = divide(" ".join(names), size)
        assert " ".join(lines) == " ".join(names)
        assert all(len(line.encode()) <= size for line in lines)
        # No line has room for the first name of the next one.
        for line, following in pairwise(lines):
            assert len(f"{line} {following.split(' ')[0]}".encode()) > size


def test_fewChannelsAreKept() -> None:
    cache = NamesCache()
    for number in range(1000):
        cache.lines(f":server 353 {NICK} = #tea{number} :", "ann", {}, "ann")
    assert len(cache._lines) <= 64
