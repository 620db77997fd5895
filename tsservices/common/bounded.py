"""A table whose keys come from strangers, and that takes bounded memory all the same.  Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedDict(OrderedDict[Key, Value]):
    """
    Forgets its first entry when L{put} has made it too long: the oldest one or, if its user calls
    C{move_to_end} at each use, the one that was not used for the longest time.
    """

    # Not a class around an OrderedDict: get and move_to_end are called for each datagram, and stay
    # calls of C.
    __slots__ = ("_maximum",)

    def __init__(self, maximum: int) -> None:
        """@param maximum: entries."""
        super().__init__()
        self._maximum = maximum

    def put(self, key: Key, value: Value) -> Value:
        """Add an entry; returns its value."""
        self[key] = value
        if len(self) > self._maximum:
            self.popitem(last=False)
        return value
