"""The oracle of accounts: passwords, private messages and read markers.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.database import PrivateMessage, Tables
from tests.live.crash.rules.log import ClientLog

#: Whether a name is an account.
UNREGISTERED, UNCERTAIN, REGISTERED = "unregistered", "uncertain", "registered"


@dataclass
class ExpectedAccount:
    """What the server may know of one name: every value that is possible."""

    state: str = UNREGISTERED
    passwords: list[str] = field(default_factory=list)
    wrongPassword: str = ""
    unread: set[int] = field(default_factory=lambda: {0})
    readMarkers: dict[str, set[int]] = field(default_factory=dict)

    def applyPasswords(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if action.verb not in ("register", "passwd"):
                continue
            if {"registered", "password"} & set(action.codes):
                self.state, self.passwords = REGISTERED, [action.text]
            elif action.error:
                self.wrongPassword = action.text
            elif action.pending:
                self.passwords.append(action.text)
                self.state = UNCERTAIN if self.state == UNREGISTERED else self.state

    def applyReadMarkers(self, log: ClientLog, lengths: dict[str, int]) -> None:
        for room, seq in log.readMarkers:
            self.readMarkers[room] = {seq}
        for action in log.actions:
            if action.verb == "read" and action.pending:
                known = self.readMarkers.setdefault(action.room, {0})
                # A marker never goes beyond the last line of the moment.
                highest = min(lengths.get(action.room, 0), int(action.target))
                known |= {max(max(known), seq) for seq in range(highest + 1)}


class AccountRules:
    def __init__(self) -> None:
        self.expected: dict[str, ExpectedAccount] = {}
        self.privateMessages: list[PrivateMessage] = []

    def check(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        lengths = {room: len(lines) for room, lines in tables.lines.items()}
        for log in logs:
            account = self.expected.setdefault(log.name, ExpectedAccount())
            account.applyPasswords(log.actions)
            account.applyReadMarkers(log, lengths)
        for name, account in self.expected.items():
            state = REGISTERED if name in tables.accounts else UNREGISTERED
            if account.state == UNCERTAIN:
                account.state = state
            elif account.state != state:
                yield f"{name} is {account.state}, and the accounts are {sorted(tables.accounts)}"
        yield from self._checkPrivateMessages(logs, tables)
        for name in tables.accounts - set(self.expected):
            yield f"nobody has registered {name}"
        for name in tables.unread.keys() & self.expected.keys():
            account, count = self.expected[name], tables.unread[name]
            if count not in account.unread:
                yield f"{count} private messages wait for {name}, not {sorted(account.unread)}"
            account.unread = {count}

    def _checkPrivateMessages(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        if tables.privateMessages[: len(self.privateMessages)] != self.privateMessages:
            yield "private messages that were stored have changed"
        new = tables.privateMessages[len(self.privateMessages) :]
        self.privateMessages = tables.privateMessages
        stored = {message.ident: message for message in new}
        if len(stored) < len(new):
            yield "two private messages have the same id"
        receivers: dict[str, set[str]] = {}
        for log in logs:
            for event in log.privateMessages:
                receivers.setdefault(event["text"], set()).add(log.name)
                message = stored.get(event["id"])
                if event["id"] and (
                    message is None
                    or (message.sender, message.text) != (event["account"], event["text"])
                ):
                    yield f"{log.name} received {event}: found {message}"
                elif not event["id"] and any(event["text"] == message.text for message in new):
                    yield f"{log.name} received {event}, and it is stored"
        actions = {
            action.text: (log.name, action)
            for log in logs
            for action in log.actions
            if action.verb == "whisper"
        }
        unseen: dict[str, list[tuple[int, bool]]] = {}
        for position, message in enumerate(new):
            sender, action = actions.get(message.text, ("", Action("nothing")))
            if (sender, action.target) != (message.sender, message.receiver) or action.error:
                yield f"this is stored: {message}; asked for was {action} by {sender!r}"
            if "kept" in action.codes:
                unseen.setdefault(message.receiver, []).append((position, True))
            elif action.pending and message.receiver not in receivers.get(message.text, ()):
                unseen.setdefault(message.receiver, []).append((position, False))
        for log in logs:
            self._unread(log, [message.ident for message in new], unseen.pop(log.name, []))
        for name in unseen.keys() & self.expected.keys():
            account = self.expected[name]
            account.unread = _counts(account.unread, unseen[name])

    def _unread(self, log: ClientLog, idents: list[str], positions: list[tuple[int, bool]]) -> None:
        account = self.expected[log.name]
        counts = account.unread
        for action in log.actions:
            if action.verb == "inbox" and not action.target and not action.error:
                shown = [
                    idents.index(event["id"])
                    for event in action.privateMessages
                    if event["id"] in idents
                ]
                later = [row for row in positions if row[0] > max(shown, default=-1)]
                if action.succeeded:
                    counts, positions = {0}, later
                else:
                    account.unread = _counts(counts, positions) | _counts({0}, later)
                    return
        account.unread = _counts(counts, positions)


def _counts(counts: set[int], positions: list[tuple[int, bool]]) -> set[int]:
    known = sum(certain for _, certain in positions)
    return {count + known + more for count in counts for more in range(len(positions) - known + 1)}
