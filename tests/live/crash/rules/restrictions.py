"""The oracle of bans and mutes.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The durations of bans and mutes that have an end.
_SECONDS = {"1h": 3600, "2s": 2}

#: Nanoseconds around the end of a ban or a mute within which it may hold or not.
_SLACK = 1_000_000_000


@dataclass
class Restrictions:
    """The bans of a room, or its mutes."""

    until: dict[str, int] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)

    @property
    def permanent(self) -> set[str]:
        return {name for name, until in self.until.items() if not until}

    def begin(self, name: str, duration: str, time: int) -> None:
        seconds = _SECONDS.get(duration, 0)
        until = time + seconds * 1_000_000_000 if seconds else 0
        before = self.longest.get(name, until)
        self.until[name] = until
        self.longest[name] = max(before, until) if before and until else 0

    def end(self, name: str) -> bool:
        self.longest.pop(name, None)
        return self.until.pop(name, None) is not None

    def isActive(self, name: str, now: int) -> bool | None:
        until = self.until.get(name, -1)
        if until == 0 or now < until - _SLACK:
            return True
        longest = self.longest.get(name, -1)
        return None if longest == 0 or now < max(until, longest) + _SLACK else False
