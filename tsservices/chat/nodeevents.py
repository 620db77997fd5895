"""
What nodes propose of themselves and of each other.  Pure.

These name nodes, not sessions; C{session} is empty in them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.events import Event


@dataclass(slots=True)
class NodeUp(Event):
    """
    A node begins, or begins again: all who were connected to it before are gone.

    @ivar node: its name.
    @ivar incarnation: no other beginning of a node has it.
    @ivar roomsEach: a limit that holds on all nodes from now on, as the following do.
    @ivar maxRooms: the same.
    @ivar maxAccounts: the same.
    @ivar roomsFounded: the same.
    @ivar accountsFounded: the same.
    @ivar operators: the keys of the accounts that may do anything, from now on.
    """

    node: str
    incarnation: str
    roomsEach: int
    maxRooms: int
    maxAccounts: int
    roomsFounded: int
    accountsFounded: int
    operators: tuple[str, ...]


@dataclass(slots=True)
class NodeGone(Event):
    """
    A node is not heard of any more, or says itself that it ends: all who were connected to
    it are gone.  It comes too late if the node was heard of since.

    @ivar node: its name.
    @ivar incarnation: of which beginning that is said.
    @ivar seen: the position of the last that was heard of it.
    """

    node: str
    incarnation: str
    seen: int


@dataclass(slots=True)
class Return(Event):
    """
    Somebody is still connected to a node that the others have taken for gone: they get
    back what they had, as far as nobody else has it now.

    @ivar nick: what they were called.
    @ivar key: the same, folded.
    @ivar account: the key of the account that they were logged in to.
    @ivar version: of its password then.
    @ivar cloak: stands for their address.
    @ivar token: as in L{Enter}.
    @ivar away: why they are away.
    @ivar arrived: when they said their name: nanoseconds since 1970, UTC.  What all nodes
        remember of that counts; who is not remembered has just come.
    @ivar rooms: where they were: keys, names, and the number of the last line that they
        were told of there.
    """

    nick: str
    key: str
    account: str | None
    version: int
    cloak: str
    token: str
    away: str
    arrived: int
    rooms: tuple[tuple[str, str, int], ...]
