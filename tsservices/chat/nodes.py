"""
The nodes of a cluster, as all of them know each other: by what came through the stream.
Pure.

Each message of a node has the name of the node, of its beginning (the incarnation), and a
number of its own.  One that begins with a L{NodeUp<tsservices.chat.nodeevents.NodeUp>}
counts if L{mayBegin} says so; of any other one, L{heard} says whether it counts, on all
nodes alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from tsservices.chat.batch import Batch
from tsservices.chat.departing import departTogether
from tsservices.chat.events import Event
from tsservices.chat.nodeevents import NodeGone, NodeUp
from tsservices.chat.returning import cutOff, forget
from tsservices.chat.sessions import Session

if TYPE_CHECKING:
    from tsservices.chat.lobby import Lobby

FORMERS_REMEMBERED = 8
"""
Incarnations of each node that are known to be over: a message of one of these that is
sent again does not count.
"""

LAST_POSITION = 2**63 - 1
"""
No message has a higher one.
"""


class Verdict(Enum):
    """
    Whether a message counts.

    @cvar TAKEN: it does: it is the next of its node.
    @cvar DUPLICATE: it came before.
    @cvar GAP: one before it is missing: its node will send both again.
    @cvar STRANGER: its node is not up, or has begun again since.
    """

    TAKEN = auto()
    DUPLICATE = auto()
    GAP = auto()
    STRANGER = auto()


@dataclass(slots=True)
class Node:
    """
    A node that is up.

    @ivar name: its name, which no other node has.
    @ivar incarnation: of its beginning, which no other beginning has.
    @ivar n: the number of its last message that counted.
    @ivar position: of the last message of it that was heard.
    @ivar stamp: when that was: nanoseconds since 1970, UTC.
    @ivar since: when it began: the same.
    @ivar former: its incarnations before, the newest last.
    """

    name: str
    incarnation: str
    n: int
    position: int
    stamp: int
    since: int
    former: tuple[str, ...] = ()

    def over(self) -> tuple[str, ...]:
        """
        @return: its incarnations, when this one is over too.
        """
        return (*self.former, self.incarnation)[-FORMERS_REMEMBERED:]


def heard(lobby: Lobby, node: str, incarnation: str, n: int, position: int, stamp: int) -> Verdict:
    """
    A message has come that does not begin with a L{NodeUp} that counts.  Whatever comes of
    it, its node is there.

    @param lobby: the state.
    @param node: the name of the node that sent it.
    @param incarnation: of that node, when it did.
    @param n: the number it has among the messages of that incarnation.
    @param position: its place.
    @param stamp: when it got that: nanoseconds since 1970, UTC.
    @return: whether it counts; if so, it is the last one now.
    """
    known = lobby.nodes.get(node)
    if known is None or known.incarnation != incarnation:
        return Verdict.STRANGER
    known.position, known.stamp = position, stamp
    if n <= known.n:
        return Verdict.DUPLICATE
    if n > known.n + 1:
        return Verdict.GAP
    known.n = n
    return Verdict.TAKEN


def mayBegin(lobby: Lobby, node: str, incarnation: str, n: int) -> bool:
    """
    @param lobby: the state.
    @param node: the name of the node that sent a message beginning with L{NodeUp}.
    @param incarnation: of that node.
    @param n: the number of the message.
    @return: whether it counts: it is the first of an incarnation that was not known.
    """
    known = lobby.nodes.get(node)
    former = lobby.formers.get(node, ()) if known is None else (*known.former, known.incarnation)
    return n == 1 and incarnation not in former


def goodbye(node: Node) -> NodeGone:
    """
    @param node: this one.
    @return: what it says last: nobody returns.
    """
    return NodeGone("", node.name, node.incarnation, LAST_POSITION)


def sessionOf(lobby: Lobby, ident: str, node: str) -> Session:
    """
    @param lobby: the state.
    @param ident: of a session that is connected to another node, or was to this one before
        it began again.
    @param node: the name of that node.
    @return: the session, or a new one, should it enter now.
    """
    return lobby.sessions.get(ident) or Session(ident, None, node=node)


def _up(lobby: Lobby, event: NodeUp, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: a node begins.
    @param session: nobody's.
    @param batch: of this turn.
    """
    if not mayBegin(lobby, event.node, event.incarnation, 1):
        return
    departTogether(lobby, _connected(lobby, event.node), batch)
    forget(lobby, batch.stamp)
    before = lobby.nodes.get(event.node)
    former = lobby.formers.pop(event.node, ()) if before is None else before.over()
    lobby.nodes[event.node] = Node(
        event.node, event.incarnation, 1, batch.position, batch.stamp, batch.stamp, former
    )
    lobby.limits = replace(
        lobby.limits,
        roomsEach=event.roomsEach,
        maxRooms=event.maxRooms,
        maxAccounts=event.maxAccounts,
        roomsFounded=event.roomsFounded,
        accountsFounded=event.accountsFounded,
    )
    lobby.founding.change(event.roomsFounded)
    lobby.registering.change(event.accountsFounded)
    lobby.operators = frozenset(event.operators)


def _gone(lobby: Lobby, event: NodeGone, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: a node is gone.
    @param session: nobody's.
    @param batch: of this turn.
    """
    node = lobby.nodes.get(event.node)
    if node is None or node.incarnation != event.incarnation or node.position > event.seen:
        return
    sessions = _connected(lobby, node.name)
    forget(lobby, batch.stamp)
    if event.seen != LAST_POSITION:
        for each in sessions:
            lobby.cutOff[each.ident] = cutOff(lobby, each, batch.stamp)
    departTogether(lobby, sessions, batch)
    del lobby.nodes[node.name]
    lobby.formers[node.name] = node.over()


def _connected(lobby: Lobby, node: str) -> list[Session]:
    """
    @param lobby: the state.
    @param node: the name of a node.
    @return: the sessions that are connected to it.
    """
    return [each for each in lobby.sessions.values() if each.node == node]


APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    NodeUp: _up,
    NodeGone: _gone,
}
"""
What each kind of event does.
"""
