"""Tests for L{tsservices.client.chat.state}."""

from __future__ import annotations

import pytest

from tests.support.client_world import content
from tsservices.chat.notifications import RoomMessages
from tsservices.client.chat.events import RoomLine
from tsservices.client.chat.state import AUTHORS_REMEMBERED, ClientRoom, ClientState


def message(seq: int, nick: str = "bob", room: str = "lobby", text: str = "hi") -> RoomMessages:
    line = content("said", seq=seq, nick=nick, room=room, text=text, kind="message")
    assert isinstance(line, RoomLine)
    return line.message


def numbers(messages: list[RoomMessages]) -> list[int]:
    return [message.first for message in messages]


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({}, "/join Den"),
        ({"modes": "n", "key": ""}, "/join Den"),
        ({"modes": "kn", "key": "tea"}, "/join Den tea"),
        ({"modes": "kn", "key": "tea\n/quit"}, "/join Den"),
    ],
)
def test_roomsWithKeyAreEnteredAgain(fields: dict[str, object], command: str) -> None:
    state = ClientState()
    state.apply(content("roomEntered", room="Den", **fields))
    assert state.rooms["den"].joinCommand() == command
    state.apply(content("modes", room="Den", modes="kn", key="cup"))
    assert state.rooms["den"].joinCommand() == "/join Den cup"


class TestRoom:
    def test_once(self) -> None:
        """Lines that the server leaves out are no gap."""
        room = ClientRoom("lobby", 3)
        assert room.accept(message(3)) == []
        assert numbers(room.accept(message(6))) == [6]
        assert room.accept(message(5)) == []

    def test_catchingUpSortsLines(self) -> None:
        room = ClientRoom("lobby", 3)
        room.catchingUp = True
        assert room.accept(message(6)) == []
        assert room.accept(message(5)) == []
        assert numbers(room.accept(message(4))) == [4, 5, 6]
        assert room.accept(message(9)) == []
        assert numbers(room.finishCatchUp()) == [9]
        assert room.accept(message(9)) == []

    def test_expired(self) -> None:
        room = ClientRoom("lobby", 0)
        room.catchingUp = True
        room.accept(message(4))
        assert numbers(room.skipTo(3)) == [4]

    def test_lastSpeakerIsFirst(self) -> None:
        room = ClientRoom("lobby", 0)
        for nick in ("ann", "bob", "cid"):
            room.addMember(nick)
        room.noteAuthor(message(1, "bob"))
        room.noteAuthor(message(2, "ann"))
        assert room.nicks() == ["ann", "bob", "cid"]
        room.renameMember("bob", "rob")
        room.removeMember("ANN")
        assert room.nicks() == ["rob", "cid"]

    def test_authorsForgotten(self) -> None:
        room = ClientRoom("lobby", 0)
        for seq in range(AUTHORS_REMEMBERED + 1):
            room.noteAuthor(message(seq))
        assert (len(room.authors), min(room.authors)) == (AUTHORS_REMEMBERED, 1)


class TestState:
    def test_people(self) -> None:
        state = ClientState()
        state.apply(content("entered", nick="ann", account=None))
        nicks = ["ann", "bob"]
        state.apply(content("roomEntered", room="lobby", nick="ann", nicks=nicks, joinedSeq=7))
        room = state.rooms["lobby"]
        assert (room.last, sorted(room.members)) == (7, ["ann", "bob"])
        state.apply(content("joined", room="lobby", nick="cid", account="cid"))
        state.apply(content("account", nick="bob", account="bob"))
        assert state.account == ""
        state.apply(content("account", nick="ANN", account="ann"))
        assert state.account == "ann"
        state.apply(content("renamed", nick="ann", to="Anna"))
        assert state.isSelf("anna")
        state.apply(content("left", room="lobby", nick="bob"))
        state.apply(content("gone", nick="cid"))
        assert room.nicks() == ["Anna"]

    def test_roomLeft(self) -> None:
        state = ClientState()
        for name in ("lobby", "den"):
            state.apply(content("roomEntered", room=name))
        state.selectRoom("lobby")
        state.apply(content("roomLeft", room="LOBBY"))
        assert (list(state.rooms), state.current) == (["den"], "")
        state.apply(content("roomLeft", room="den"))
        assert (state.rooms, state.current) == ({}, "")

    @pytest.mark.parametrize("type", ["left", "people", "joined", "roomLeft", "gone", "said"])
    def test_eventsOfOtherRooms(self, type: str) -> None:
        state = ClientState()
        state.apply(content(type, room="nowhere", nick="x", people=[{"nick": "y"}]))
        assert state.rooms == {}
