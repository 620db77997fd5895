"""
Why something is not done: a table of reasons, each with what its person is told.
Pure.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tsservices.chat.records import Restraint
from tsservices.common.timestamps import NANOSECONDS


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
NICK_REGISTERED = Reason(
    "nick-registered", "{nick} belongs to an account: /login {nick}, or choose another name"
)
NICK_SHARED = Reason(
    "nick-shared", "another connection of yours is called {nick} too: /logout of this one first"
)
NO_ACCOUNT = Reason("no-account", "nobody has registered {name}")
ACCOUNT_NEEDED = Reason("account-needed", "guests can't {what}: /register your name first")
ACCOUNTS_ALL = Reason("accounts-all", "there are {most} accounts already; ask an operator")
ACCOUNTS_EACH = Reason(
    "accounts-each", "too many names were registered from your address; try again later"
)
LOGGED_IN = Reason("logged-in", "you are logged in as {name}; /logout first")
LOGGED_OUT = Reason("logged-out", "the password of {name} was changed: log in again")
WRONG_PASSWORD = Reason("wrong-password", "that is not the password of {name}")
PASSWORDS_DIFFER = Reason("passwords-differ", "these were two different passwords; nothing is done")
GUESSED_OFTEN = Reason("guessed-often", "too many wrong passwords; try again in {seconds} seconds")
NOTHING_TO_RESUME = Reason(
    "nothing-to-resume", "there is nothing to go on with: say your name, or log in"
)
TAKEN_OVER = Reason("taken-over", "another connection of yours goes on from here")
NOT_ALLOWED = Reason("not-allowed", "only {who} may do that here")
STANDS_ABOVE = Reason("stands-above", "{name} may do as much here as you, or more")
ONESELF = Reason("oneself", "that would be you")
GUEST_OPERATOR = Reason("guest-operator", "{name} is a guest: only accounts can look after a room")
BANNED = Reason("banned", "you are banned from {room} {until}{why}")
MUTED = Reason("muted", "you may not speak in {room} {until}{why}")
NOT_RESTRAINED = Reason("not-restrained", "there is no {kind} of {name} in {room}")
RESTRAINTS_ALL = Reason("restraints-all", "there are {most} bans and mutes in {room} already")
PRIVATE_ROOM = Reason("private-room", "{room} is by invitation only")
GUEST_ROOM = Reason("guest-room", "{room} has no founder with an account: it can't be private")
LOBBY_OPEN = Reason("lobby-open", "{room} is open to everybody")
ROOMS_FOUNDED = Reason("rooms-founded", "you have made enough rooms; join one that is there")
NO_LINE = Reason("no-line", "there is no line {seq} in {room}")
INBOX_FULL = Reason("inbox-full", "{name} has {most} private messages to read already")
NOT_HERE = Reason("not-here", "{name} is not here, and guests can't leave a message")
SEARCHING = Reason("searching", "your last search is under way")
NOTHING_SEARCHED = Reason("nothing-searched", "there is nothing more: /search WORDS begins anew")
DURATION = Reason(
    "duration", "for how long: a number with s, m, h, d or w, up to {most}, not {given}"
)
WHEN = Reason(
    "when", "a time is written 2026-11-20, 2026-11-20T18:30, or 2h for two hours ago, not {given}"
)
PASSWORD_SHORT = Reason("password-short", "a password has at least {least} characters")
PASSWORD_LONG = Reason("password-long", "a password has at most {most} characters")
PASSWORD_CHARACTER = Reason("password-character", "a password has no {what}")
BUSY_HASHING = Reason(
    "busy-hashing", "{most} passwords are being looked at already; try again in some seconds"
)
HASHING_FAILED = Reason(
    "hashing-failed", "the server can't look at a password at present; try again later"
)
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
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __str__(self) -> str:
        """What the person is told."""
        return self.reason.words.format_map(self.facts)

    def __eq__(self, other: object) -> bool:
        """Whether it refuses the same for the same reason."""
        return isinstance(other, Refused) and (self.reason, self.facts) == (
            other.reason,
            other.facts,
        )

    __hash__ = Exception.__hash__


def endText(restraint: Restraint) -> str:
    """Until when it holds, in words."""
    if not restraint.until:
        return "for ever"
    seconds = time.gmtime(restraint.until // NANOSECONDS)
    return "until " + time.strftime("%Y-%m-%d %H:%M UTC", seconds)


def reasonText(restraint: Restraint) -> str:
    """Why, behind a colon; nothing if that was not said."""
    return f": {restraint.why}" if restraint.why else ""
