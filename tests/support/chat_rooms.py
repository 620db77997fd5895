"""A room with an operator, a founder, and others, for the tests of order in rooms."""

from __future__ import annotations

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient
from tsservices.chat.errors import ErrorCode
from tsservices.chat.notifications import ErrorReply, Notification, RoomMessages
from tsservices.common.timestamps import NANOSECONDS

#: Nanoseconds.
HOUR = 3600 * NANOSECONDS


def errorCodes(happenings: list[Notification]) -> list[ErrorCode]:
    return [each.error.code for each in happenings if isinstance(each, ErrorReply)]


def kindsAndTexts(happenings: list[Notification]) -> list[tuple[str, str]]:
    return [
        (each.kind, text)
        for each in happenings
        if isinstance(each, RoomMessages)
        for text in each.texts
    ]


class RoomCase:
    """
    The room tea, which ann has made, where opal is an operator; bob is a guest in it, and
    mel is a member with an account.  Root looks after the server.
    """

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root", "tea")
        self.root.say("/part")
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.opal = self.chat.joinRegistered("opal", "tea")
        self.mel = self.chat.joinRegistered("mel", "tea")
        self.bob = self.chat.join("bob", "tea")
        self.ann.say("hello", "/op opal")
        self.root.say("/join tea")
        self.chat.clear()
        self.state = self.chat.context.state
        self.room = self.state.rooms["tea"]
        assert self.room.record.founder == "ann"

    def login(self, nick: str, *rooms: str, cloak: str = "") -> MemoryClient:
        person = self.chat.connect(cloak)
        person.say(f"/login {nick} {PASSWORD}", *(f"/join {room}" for room in rooms))
        self.chat.clear()
        return person

    def isMember(self, person: MemoryClient) -> bool:
        return person.session.ident in self.room.members
