"""What clients may ask of a chat, and what came of it.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Actions whose line is a name and nothing else.
NAMING = frozenset({"op", "deop", "unban", "unmute"})

#: Actions whose line says for how long.
RESTRICTING = frozenset({"ban", "mute"})

#: Actions that make no line where they would change nothing.
IDEMPOTENT = frozenset({"op", "deop", "private", "public"})

#: Actions that make a numbered line of the same kind.
NUMBERED = NAMING | RESTRICTING | {"message", "kick", "private", "public", "delete"}

_COMMANDS = {
    "message": "/msg #{room} {text}",
    "whisper": "/msg {target} {text}",
    "join": "/join {room}",
    "part": "/part #{room}",
    "since": "/since {room} 0",
    "read": "/read #{room} {target}",
    "search": "/search {target} {text}",
    "ban": "/ban {target} {duration} {text}",
    "mute": "/mute {target} {duration} {text}",
    "kick": "/kick {target} {text}",
    "private": "/private on",
    "public": "/private off",
    "passwd": "/passwd {duration} {target} {text}",
    "token": "/token new {target}",
    "revoke": "/token revoke {target}",
    "register": "/register {text}",
    "login": "/login {target} {text}",
    "bans": "/ban",
    "mutes": "/mute",
}


@dataclass
class Action:
    verb: str
    room: str = ""
    target: str = ""
    text: str = ""
    duration: str = "forever"
    answered: bool = False
    error: str = ""
    codes: list[str] = field(default_factory=list)
    after: int = 0
    lines: int = 0
    token: str = ""
    privateMessages: list[dict[str, Any]] = field(default_factory=list)
    restrictions: dict[str, bool] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.answered and not self.error

    @property
    def pending(self) -> bool:
        return not self.answered and not self.error

    @property
    def command(self) -> str:
        pattern = _COMMANDS.get(self.verb, f"/{self.verb} {{target}}")
        return pattern.format(**vars(self)).strip()

    @property
    def lineText(self) -> str:
        if self.verb in RESTRICTING:
            return f"{self.target} {self.duration} {self.text}"
        if self.verb == "kick":
            return f"{self.target} {self.text}"
        return self.text if self.verb == "message" else self.target
