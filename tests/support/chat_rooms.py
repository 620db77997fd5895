"""
A room with an operator, a founder, and others, for the tests of order in rooms.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Town
from tsservices.chat.errors import ErrorCode
from tsservices.chat.notifications import ErrorReply, Notification, RoomMessages
from tsservices.common.timestamps import NANOSECONDS

#: Nanoseconds.
HOUR = 3600 * NANOSECONDS


def reasons(happenings: list[Notification]) -> list[ErrorCode]:
    return [each.error.code for each in happenings if isinstance(each, ErrorReply)]


def lines(happenings: list[Notification]) -> list[tuple[str, str]]:
    return [
        (each.kind, text)
        for each in happenings
        if isinstance(each, RoomMessages)
        for text in each.texts
    ]


class TeaRoom:
    """
    The room tea, which ann has made, where opal is an operator; bob is a guest in it, and
    mel is a member with an account.  Root looks after the server.
    """

    def setup_method(self) -> None:
        self.town = Town(operators=["root"])
        self.root = self.town.owner("root", "tea")
        self.root.do("/part")
        self.ann = self.town.owner("ann", "tea")
        self.opal = self.town.owner("opal", "tea")
        self.mel = self.town.owner("mel", "tea")
        self.bob = self.town.person("bob", "tea")
        self.ann.do("hello", "/op opal")
        self.root.do("/join tea")
        self.town.hush()
        self.state = self.town.house.state
        self.room = self.state.rooms["tea"]
        assert self.room.record.founder == "ann"

    def login(self, nick: str, *rooms: str, cloak: str = "") -> Person:
        person = self.town.stranger(cloak)
        person.do(f"/login {nick} {PASSWORD}", *(f"/join {room}" for room in rooms))
        self.town.hush()
        return person

    def there(self, person: Person) -> bool:
        return person.session.ident in self.room.members
