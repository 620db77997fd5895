"""
The errors of the chat: a table of codes, each with a text for people.

An error is a value: verbs and handlers raise the same one, and frontends write it in their formats.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from tsservices.chat.records import Restriction
from tsservices.common.text import plural
from tsservices.common.timestamps import NANOSECONDS


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A kind of error, with the text for people."""

    #: The name for programs; it is public and does not change.
    name: str
    #: The text for people, with the names of facts in braces; C{{most:room}} is a count of rooms.
    template: str


NAME_EMPTY = ErrorCode("name-empty", "a name has at least one character")
NAME_LONG = ErrorCode("name-long", "a name has at most {most} characters, this has {length}")
NAME_CHARACTER = ErrorCode(
    "name-character", "a name is made of letters, digits, - and _; {character} is none of these"
)
NAME_SCRIPTS = ErrorCode(
    "name-scripts", "letters of {first} and {second} do not go together in one name"
)
NAME_OWN = ErrorCode(
    "name-own", "{nick} is what everybody is called in the lines of the server; choose another name"
)
NICK_TAKEN = ErrorCode("nick-taken", "{nick} is taken by somebody else; choose another name")
NICK_REGISTERED = ErrorCode(
    "nick-registered", "{nick} belongs to an account: /login {nick}, or choose another name"
)
NICK_SHARED = ErrorCode(
    "nick-shared", "another connection of yours is called {nick} too: /logout of this one first"
)
NO_ACCOUNT = ErrorCode("no-account", "nobody has registered {name}")
ACCOUNT_NEEDED = ErrorCode("account-needed", "guests can't {what}: /register your name first")
ACCOUNTS_ALL = ErrorCode("accounts-all", "there can be only {most:account}; ask an operator")
ACCOUNTS_EACH = ErrorCode(
    "accounts-each", "too many names were registered from your address; try again later"
)
LOGGED_IN = ErrorCode("logged-in", "you are logged in as {name}; /logout first")
LOGGED_OUT = ErrorCode("logged-out", "the password of {name} was changed: log in again")
WRONG_PASSWORD = ErrorCode("wrong-password", "that is not the password of {name}")
WRONG_OLD_PASSWORD = ErrorCode(
    "wrong-old-password",
    "that is not the password of {name}: /passwd takes the first word for the old one, and"
    " /passwd alone asks for both",
)
CANCELLED = ErrorCode("cancelled", "nothing is done")
NEITHER_YES_NOR_NO = ErrorCode("neither-yes-nor-no", "that was neither yes nor no; nothing is done")
PASSWORDS_DIFFER = ErrorCode(
    "passwords-differ", "these were two different passwords; nothing is done"
)
GUESSED_OFTEN = ErrorCode(
    "guessed-often", "too many wrong passwords; try again in {seconds:second}"
)
WRONG_TOKEN = ErrorCode(
    "wrong-token", "that is no token of {name}: it was revoked, or is another's"
)
TOKEN_CUT = ErrorCode(
    "token-cut",
    "that is no whole token: it has {length} of {most} characters, or a wrong one; copy it again",
)
TOKEN_AS_NAME = ErrorCode("token-as-name", "that is no name, but a token: /login and the token")
TOKENS_OFTEN = ErrorCode(
    "tokens-often", "too many wrong tokens from your address; try again in {seconds:second}"
)
TOKEN_REVOKED = ErrorCode("token-revoked", "the token by which you have logged in was revoked")
TOKEN_SCOPE = ErrorCode(
    "token-scope", "you have logged in by a token with the scope {scope}, which may not do that"
)
TOKEN_FIRST = ErrorCode(
    "token-first",
    "a token with the scope read logs in as the first line of a connection, before you have a name",
)
TOKENS_EACH = ErrorCode("tokens-each", "you have {most:token} already: /token revoke one first")
TOKEN_NAMED = ErrorCode(
    "token-named", "you have a token {name} already: /token revoke it first, or choose another name"
)
NO_TOKEN = ErrorCode("no-token", "you have no token {name}; /token list shows yours")
TOKEN_SAID = ErrorCode(
    "token-said",
    "this has a token of this server in it, by which others could log in: it was not sent. If"
    " somebody has seen the token, /token revoke it",
)
CONNECTIONS_EACH = ErrorCode(
    "connections-each",
    "{name} has {most:connection} already, and may have no more: close one first",
)
NOTHING_TO_RESUME = ErrorCode(
    "nothing-to-resume", "there is nothing to go on with: say your name, or log in"
)
TAKEN_OVER = ErrorCode("taken-over", "another connection of yours goes on from here")
KILLED = ErrorCode("killed", "{by}, an operator of the server, has ended this connection{why}")
NOT_ALLOWED = ErrorCode("not-allowed", "only {who} may do that here")
STANDS_ABOVE = ErrorCode("stands-above", "{name} may do as much here as you, or more")
ONESELF = ErrorCode("oneself", "that would be you")
FOUNDER_STAYS = ErrorCode("founder-stays", "{name} is the founder of {room}, and stays that")
INVITED_OFTEN = ErrorCode(
    "invited-often", "you have invited {name} several times; wait half a minute"
)
GUEST_OPERATOR = ErrorCode(
    "guest-operator", "{name} is a guest: only accounts can look after a room"
)
BANNED = ErrorCode("banned", "you are banned from {room} {until}{why}")
OTHER_BANNED = ErrorCode("other-banned", "{name} is banned from {room}: /unban {name} first")
MUTED = ErrorCode("muted", "you may not speak in {room} {until}{why}")
MUTED_NAME = ErrorCode(
    "muted-name", "no other name while you may not speak in {room} {until}{why}; /part it first"
)
NOT_RESTRAINED = ErrorCode("not-restrained", "there is no {kind} of {name} in {room}")
RESTRAINTS_ALL = ErrorCode("restraints-all", "there are {most} bans and mutes in {room} already")
MASK = ErrorCode(
    "mask",
    "whom to ban: a name, a cloak, or a mask like bob!*@*, without white space, of at most {most}"
    " characters",
)
MASK_EVERYBODY = ErrorCode(
    "mask-everybody",
    "{mask} would keep all guests or all accounts out of {room}, and by that everybody: ban a name,"
    " an account or a cloak, or set the mode i or m",
)
MODERATED = ErrorCode(
    "moderated", "{room} is moderated: only operators, and members with voice, may speak"
)
WRONG_KEY = ErrorCode("wrong-key", "{room} has a key: /join {room} KEY, with the right one")
ROOM_FULL = ErrorCode("room-full", "{room} is full: there may be only {most:member}")
ROOM_KEY = ErrorCode(
    "room-key", "a key of a room has 1 to {most} characters, none of them white space or a comma"
)
NO_MODE = ErrorCode("no-mode", "there is no mode {letter}; the modes are {letters}")
MODE_ARGUMENT = ErrorCode("mode-argument", "the mode {letter} needs {what} behind it")
MODES_MANY = ErrorCode("modes-many", "at most {most} modes can be changed at once")
PRIVATE_ROOM = ErrorCode("private-room", "{room} is by invitation only")
GUEST_ROOM = ErrorCode("guest-room", "{room} has no founder with an account: it can't be private")
LOBBY_OPEN = ErrorCode("lobby-open", "{room} is open to everybody")
ROOMS_FOUNDED = ErrorCode("rooms-founded", "you have made enough rooms; join one that is there")
NO_LINE = ErrorCode("no-line", "there is no line {seq} in {room}")
NO_WORDS = ErrorCode("no-words", "line {seq} of {room} has no words that could be deleted")
NO_LINE_OF = ErrorCode(
    "no-line-of", "there is no line with words by {name} among the last {most} of {room}"
)
NO_PRIVATE = ErrorCode(
    "no-private", "there is no private message {ident} with words, to you or by you"
)
NO_PRIVATE_TO = ErrorCode(
    "no-private-to",
    "there is no private message with words by you among the last {most} with {name}",
)
INBOX_FULL = ErrorCode("inbox-full", "{name} has {most} private messages to read already")
INBOX_SHARE_FULL = ErrorCode(
    "inbox-share-full", "{name} has {most} private messages of yours to read already"
)
NOT_HERE = ErrorCode("not-here", "{name} is not here, and guests can't leave a message")
SEARCHING = ErrorCode("searching", "your last search is under way")
NOTHING_SEARCHED = ErrorCode("nothing-searched", "there is nothing more: /search WORDS begins anew")
DURATION = ErrorCode(
    "duration", "for how long: a number with s, m, h, d or w, up to {most}, not {given}"
)
WHEN = ErrorCode(
    "when",
    "a time is written 2026-11-20, 2026-11-20T18:30 or 2026-11-20T18:30+02:00, or 2h for two hours"
    " ago, not {given}",
)
PASSWORD_SHORT = ErrorCode("password-short", "a password has at least {least} characters")
PASSWORD_LONG = ErrorCode("password-long", "a password has at most {most} characters")
PASSWORD_TOKEN = ErrorCode(
    "password-token", "a password does not begin with {sign}: that is how tokens begin"
)
PASSWORD_CHARACTER = ErrorCode("password-character", "a password has no {what}")
NOT_SECURE = ErrorCode(
    "not-secure",
    "this server takes no password and no token over a connection that is not encrypted{other}",
)
BUSY_HASHING = ErrorCode(
    "busy-hashing", "{most} passwords are being looked at already; try again in some seconds"
)
HASHING_FAILED = ErrorCode(
    "hashing-failed", "the server can't look at a password at present; try again later"
)
NO_PERSON = ErrorCode("no-person", "nobody here is called {nick}")
NO_ROOM = ErrorCode("no-room", "there is no room {room}; /rooms lists them")
JOIN_FIRST = ErrorCode(
    "join-first", "{room} is by invitation only, and you have not been there: join it once first"
)
KEY_USED = ErrorCode(
    "key-used", "the key {key} was used for another message: a new message needs a new key"
)
NOT_IN_ROOM = ErrorCode("not-in-room", "you are not in {room}; /join {room} first")
NOWHERE = ErrorCode("nowhere", "you are in no room; /join one first")
ROOMS_EACH = ErrorCode("rooms-each", "you are in {most:room} already, nobody may be in more")
ROOMS_ALL = ErrorCode("rooms-all", "there can be only {most:room}; /rooms lists them")
TEXT_LONG = ErrorCode("text-long", "{what} has at most {most} characters, this has {length}")
NO_COMMAND = ErrorCode("no-command", "there is no command /{command}; /help lists them")
COMMAND_HIDDEN = ErrorCode(
    "command-hidden",
    "this looks like /{command} with something before it, and was not said: begin with /, or, to"
    " say it, with //",
)
USAGE = ErrorCode("usage", "usage: {usage}")
NUMBER = ErrorCode("number", "{what} is a whole number from {least} to {most}, not {given}")
CHOICE = ErrorCode("choice", "say one of {choices}, not {given}")
NOT_UTF8 = ErrorCode("not-utf8", "this line is not UTF-8 at byte {byte}: nothing of it was sent")
LINE_LONG = ErrorCode("line-long", "a line has at most {most} bytes: this one was not sent")
NAME_FIRST = ErrorCode(
    "name-first", "say your name first: one line with nothing else, or /nick NAME"
)
IGNORED_ALL = ErrorCode("ignored-all", "you ignore {most} people already, nobody may ignore more")
NO_WEB = ErrorCode("no-web", "this is a chat for people, not a web server{place}")
BAD_REQUEST = ErrorCode("bad-request", "{why}")
NOT_STORED = ErrorCode("not-stored", "nothing can be stored at present: {reason}")
READ_SLOW = ErrorCode("read-slow", "that takes too long to find; ask for less")
READ_FAILED = ErrorCode("read-failed", "history can't be read at present: {reason}")
READ_DAMAGED = ErrorCode(
    "read-damaged", "a part of the history is damaged and can't be read; the server's log says more"
)
NOT_SEARCHABLE = ErrorCode(
    "not-searchable", "nothing in that can be searched for: only letters, digits and symbols can"
)
TOO_SLOW = ErrorCode(
    "too-slow",
    "you did not read: {pending} bytes waited, {most} may; come back, /since shows the rest",
)
STOPPING = ErrorCode("stopping", "the server stops")
JOURNAL_FAILED = ErrorCode(
    "journal-failed", "the disk of this server has failed; the last lines may not be kept"
)


class _CountingFormatter(Formatter):
    def format_field(self, value: Any, noun: str) -> str:
        return plural(value, noun) if noun else str(value)


_FORMATTER = _CountingFormatter()


def fill(template: str, facts: Mapping[str, object]) -> str:
    """A template with its facts filled in."""
    return _FORMATTER.vformat(template, (), facts)


class ChatError(Exception):
    """
    A refused request.

    @ivar code: an L{ErrorCode} of this module.
    @ivar facts: the values for its template.
    """

    def __init__(self, code: ErrorCode, /, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        return fill(self.code.template, self.facts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChatError) and (self.code, self.facts) == (other.code, other.facts)

    # By identity, because facts may not be hashable. Without this __eq__ would remove the hash.
    __hash__ = Exception.__hash__


def endText(restriction: Restriction, now: int) -> str:
    """
    The end of a restriction, in words.

    @param now: nanoseconds since 1970, UTC.
    """
    end = restriction.end(now)
    if not end:
        return "for ever"
    return "until " + time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(end // NANOSECONDS))


def reasonText(restriction: Restriction) -> str:
    """The reason of a restriction after a colon, or nothing."""
    return f": {restriction.reason}" if restriction.reason else ""
