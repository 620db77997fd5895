"""The oracle of account tokens: which are there, and by which somebody can log in.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.log import ClientLog


@dataclass
class ExpectedToken:
    #: Whether it is there; None: that is not known until the database was read.
    present: bool | None
    #: Empty if the answer was lost.
    text: str = ""


class TokenRules:
    def __init__(self) -> None:
        #: By account and name.
        self.expected: dict[str, dict[str, ExpectedToken]] = {}

    def check(self, logs: list[ClientLog], stored: dict[str, set[str]]) -> Iterator[str]:
        for log in logs:
            self._apply(self.expected.setdefault(log.name, {}), log.actions)
        for account, tokens in self.expected.items():
            found = stored.get(account, set())
            for name, token in tokens.items():
                if token.present is None:
                    token.present = name in found
                elif token.present is not (name in found):
                    yield f"the token {name} of {account} is {token}, and stored are {found}"
            if unknown := found - set(tokens):
                yield f"{account} has asked for no {unknown}"

    def texts(self) -> list[tuple[str, bool]]:
        """The tokens that were shown, the newest last, and whether they are good."""
        return [
            (token.text, bool(token.present))
            for tokens in self.expected.values()
            for token in tokens.values()
            if token.text
        ]

    def _apply(self, tokens: dict[str, ExpectedToken], actions: Iterable[Action]) -> None:
        for action in actions:
            if action.verb == "token" and not action.error:
                # Who has seen it can log in by it, whatever happens next.
                present = True if action.token else None
                tokens[action.target] = ExpectedToken(present, action.token)
            elif action.verb == "revoke":
                self._revoke(tokens, {action.target}, action)
            elif action.verb == "passwd" and action.duration == "revoke":
                self._revoke(tokens, set(tokens), action)

    def _revoke(self, tokens: dict[str, ExpectedToken], names: set[str], action: Action) -> None:
        done = bool({"revoked", "password"} & set(action.codes))
        for name in names & set(tokens):
            if done:
                tokens[name].present = False
            elif action.pending and tokens[name].present:
                tokens[name].present = None
