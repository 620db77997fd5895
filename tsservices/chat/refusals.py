"""
Why something is not done: a table of reasons, each with what its person is told.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """
    One kind of refusal.

    @ivar code: what programs know it by.
    @ivar words: what people are told, with the facts in braces.
    """

    code: str
    words: str


NAME_EMPTY = Reason("name-empty", "a name has at least one character")
NAME_LONG = Reason("name-long", "a name has at most {most} characters, this has {length}")
NAME_CHARACTER = Reason(
    "name-character", "a name is made of letters, digits, - and _; {character} is none of these"
)
NAME_SCRIPTS = Reason(
    "name-scripts", "letters of {first} and {second} do not go together in one name"
)
NICK_TAKEN = Reason("nick-taken", "{nick} is taken by somebody else; choose another name")
NO_PERSON = Reason("no-person", "nobody here is called {nick}")
NO_ROOM = Reason("no-room", "there is no room {room}; /rooms lists them")
NOT_IN_ROOM = Reason("not-in-room", "you are not in {room}; /join {room} first")
NOWHERE = Reason("nowhere", "you are in no room; /join one first")
ROOMS_EACH = Reason("rooms-each", "you are in {most} rooms already, nobody may be in more")
ROOMS_ALL = Reason("rooms-all", "there are {most} rooms already; /rooms lists them")
TEXT_LONG = Reason("text-long", "{what} has at most {most} characters, this has {length}")
NO_COMMAND = Reason("no-command", "there is no command /{command}; /help lists them")
USAGE = Reason("usage", "usage: {usage}")
NUMBER = Reason("number", "{what} is a whole number from {least} to {most}, not {given}")
CHOICE = Reason("choice", "say one of {choices}, not {given}")
NOT_UTF8 = Reason("not-utf8", "this line is not UTF-8 at byte {byte}: nothing of it was sent")
LINE_LONG = Reason("line-long", "a line has at most {most} bytes: this one was not sent")
NAME_FIRST = Reason("name-first", "say your name first: one line with nothing else, or /nick NAME")
IGNORED_ALL = Reason("ignored-all", "you ignore {most} people already, nobody may ignore more")
NO_WEB = Reason("no-web", "this is a chat for people, not a web server")
NOT_STORED = Reason("not-stored", "nothing can be stored at present: {reason}")
READ_SLOW = Reason("read-slow", "that takes too long to find; ask for less")
READ_FAILED = Reason("read-failed", "history can't be read at present")
TOO_SLOW = Reason(
    "too-slow",
    "you did not read: {pending} bytes waited, {most} may; come back, /since shows the rest",
)
STOPPING = Reason("stopping", "the server stops")
JOURNAL_FAILED = Reason(
    "journal-failed", "the disk of this server has failed; the last lines may not be kept"
)


class Refused(Exception):
    """
    Something is not done.

    @ivar reason: a row of this module.
    @ivar facts: what its words speak of.
    """

    def __init__(self, reason: Reason, /, **facts: object) -> None:
        """
        @param reason: a row of this module.
        @param facts: what its words speak of; safe to show.
        """
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __str__(self) -> str:
        """
        @return: what the person is told.
        """
        return self.reason.words.format_map(self.facts)

    def __eq__(self, other: object) -> bool:
        """
        @param other: something.
        @return: whether it refuses the same for the same reason.
        """
        return isinstance(other, Refused) and (self.reason, self.facts) == (
            other.reason,
            other.facts,
        )

    __hash__ = Exception.__hash__
