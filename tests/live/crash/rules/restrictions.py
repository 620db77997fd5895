"""
Who may not enter a room, or not speak in it.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_SECONDS = {"1h": 3600, "2s": 2}
"""
The durations of bans and mutes that have an end.
"""

_SLACK = 1_000_000_000
"""
Nanoseconds around the end of a ban or a mute within which it may hold or not.
"""


@dataclass
class Restraints:
    """
    The bans of a room, or its mutes.

    @ivar until: the time when the last one of each name ends; 0: never.
    @ivar longest: the same of the longest one that nobody has ended: it may still hold the
        address of whoever was there when it was said.
    """

    until: dict[str, int] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)

    @property
    def lasting(self) -> set[str]:
        """
        @return: the names whose last one has no end.
        """
        return {name for name, until in self.until.items() if not until}

    def begin(self, name: str, span: str, time: int) -> None:
        """
        @param name: of whom it is about.
        @param span: how long it lasts.
        @param time: when it was said.
        """
        seconds = _SECONDS.get(span, 0)
        until = time + seconds * 1_000_000_000 if seconds else 0
        before = self.longest.get(name, until)
        self.until[name] = until
        self.longest[name] = max(before, until) if before and until else 0

    def end(self, name: str) -> bool:
        """
        @param name: of whom it was about.
        @return: whether there was one.
        """
        self.longest.pop(name, None)
        return self.until.pop(name, None) is not None

    def holds(self, name: str, now: int) -> bool | None:
        """
        @param name: of an account, or of a guest.
        @param now: the time.
        @return: whether they are held; L{None}: they may be.
        """
        until = self.until.get(name, -1)
        if until == 0 or now < until - _SLACK:
            return True
        longest = self.longest.get(name, -1)
        return None if longest == 0 or now < max(until, longest) + _SLACK else False
