"""A dictionary of bounded size, for keys from untrusted peers.  Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedDict(OrderedDict[Key, Value]):
    """
    A dictionary in which L{put} removes the first entry when there are too many: the oldest one or,
    if the caller calls C{move_to_end} at each use, the one that was not used for the longest time.
    """

    # A subclass of OrderedDict, because get and move_to_end are called for each datagram, and are
    # fast as methods of C.
    __slots__ = ("_maximum",)

    def __init__(self, maximum: int) -> None:
        """@param maximum: the most entries."""
        super().__init__()
        self._maximum = maximum

    def put(self, key: Key, value: Value) -> Value:
        """Add an entry, and return its value."""
        self[key] = value
        if len(self) > self._maximum:
            self.popitem(last=False)
        return value
