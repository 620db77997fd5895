"""
What goes to the log about people: what was done (L{audit}), peers that misbehave (L{PeerLog}), who
comes and goes (L{ConnectionLog}), and the text that C{ack} and C{sink} receive (L{PayloadLog}).

All but the first are written as often as strangers like, so a L{LogFilter} stands before each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec

from twisted.logger import Logger

from tsservices.common.addresses import datagramPeer
from tsservices.common.bounded import BoundedDict
from tsservices.common.counters import DROPS
from tsservices.common.ratelimit import MINUTE, PEERS_REMEMBERED, LogThrottle, TokenBucket
from tsservices.common.text import logged, plural

#: Lines about peers in one minute, from all peers together.  With forged sources every datagram is
#: a new peer, and the log would fill the disk.
LOG_LINES_PER_MINUTE = 60

#: Lines about connections and datagrams in one minute, if they are logged.
CONNECTION_LINES_PER_MINUTE = 600

#: Seconds' worth of text that may be logged at once.
BURST_SECONDS = 8

#: Such entries in one second: each is a hundred bytes and more, however short its text.
PAYLOAD_LINES = 100

#: One entry of the payload log.
CLIENT_SAYS = "客户端发来的消息是:{text} [{peer}]"

# A public name: programs take these lines out of the log by it.
_AUDIT = Logger("tsservices.audit")
_TRANSCRIPT = Logger("tsservices.transcript")

_LOG = Logger("tsservices")

_Facts = ParamSpec("_Facts")


def audit(facts: Mapping[str, object]) -> None:
    """
    Log that something was done to people or rooms and is stored: one line of JSON.

    Accounts stand in it by name and addresses by their cloaks; the caller sees to it that nothing
    in it is a password, or what one could be guessed from.
    """
    # In ASCII: what people have written can't begin another line, nor turn this one around.
    _AUDIT.info("{audit}", audit=json.dumps(dict(facts), default=str, separators=(",", ":")))


class LogFilter(Generic[_Facts]):
    """Asks a limit whether an entry may be logged, and counts the entries that may not."""

    def __init__(self, allows: Callable[_Facts, bool]) -> None:
        """@param allows: takes what the limit has to know about an entry."""
        self._allows = allows
        self._withheld = 0

    def admit(self, *args: _Facts.args, **facts: _Facts.kwargs) -> int | None:
        """How many were withheld since the last that was not; L{None}: this one is withheld."""
        if not self._allows(*args, **facts):
            self._withheld += 1
            return None
        withheld, self._withheld = self._withheld, 0
        return withheld


class PeerLog:
    """Logs complaints about peers: one a minute about each."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """@param monotonic: the time in seconds."""
        self._monotonic = monotonic
        throttle = LogThrottle(PEERS_REMEMBERED, LOG_LINES_PER_MINUTE, monotonic())
        self._filter = LogFilter(throttle.allows)

    def warn(self, host: str, form: str, **facts: Any) -> None:
        """@param form: the text, with the names of the facts in braces."""
        withheld = self._filter.admit(host, self._monotonic())
        if withheld is not None:
            if withheld:
                form += " (and {withheld} about peers)"
            _LOG.warn(form, withheld=plural(withheld, "more line"), **facts)


class ConnectionLog:
    """Logs who comes and goes, for an operator who has asked for that."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """@param monotonic: the time in seconds."""
        self._monotonic = monotonic
        rate = CONNECTION_LINES_PER_MINUTE / MINUTE
        bucket = TokenBucket(rate, CONNECTION_LINES_PER_MINUTE, monotonic())
        self._filter = LogFilter(lambda: bucket.take(monotonic()))
        self._sources: BoundedDict[str, None] = BoundedDict(PEERS_REMEMBERED)
        self._drops: BoundedDict[str, float] = BoundedDict(PEERS_REMEMBERED)

    def connected(self, service: str, peer: str) -> None:
        self._note("{service}: {peer} connected", service=service, peer=peer)

    def disconnected(
        self, service: str, peer: str, seconds: float, received: int, sent: int, why: str
    ) -> None:
        """
        @param received: bytes.
        @param sent: bytes.
        """
        self._note(
            "{service}: {peer} disconnected after {seconds:.1f} s, {traffic}: {why}",
            service=service,
            peer=peer,
            seconds=seconds,
            traffic=f"{plural(received, 'byte')} in, {plural(sent, 'byte')} out",
            why=why,
        )

    def datagram(self, service: str, host: str, port: int, drop: str | None) -> None:
        """
        Log the first datagram of a source, and once a minute why those of a host are dropped.

        @param drop: the name of the counter; L{None}: it was not dropped.
        """
        peer = datagramPeer(host, port)
        if drop is None:
            key = f"{service} {peer}"
            if key not in self._sources:
                self._note("{service}: first datagram from {peer}", service=service, peer=peer)
                self._sources.put(key, None)
            self._sources.move_to_end(key)
            return
        now, key = self._monotonic(), f"{service} {host} {drop}"
        last = self._drops.get(key)
        if last is None or now - last >= MINUTE:
            self._drops.put(key, now)
            self._drops.move_to_end(key)
            self._note(
                "{service}: dropped a datagram from {peer}: {drop} ({why})",
                service=service,
                peer=peer,
                drop=drop,
                why=DROPS[drop],
            )

    def _note(self, form: str, **facts: Any) -> None:
        withheld = self._filter.admit()
        if withheld is not None:
            if withheld:
                form += " (and {more} about connections)"
            _LOG.info(form, more=plural(withheld, "more line"), **facts)


class PayloadLog:
    """Logs text of strangers as data, so much a second."""

    def __init__(self, rate: int, monotonic: Callable[[], float]) -> None:
        """
        @param rate: bytes of text a second, from all people together.
        @param monotonic: the time in seconds.
        """
        self._monotonic = monotonic
        now = monotonic()
        lines = TokenBucket(PAYLOAD_LINES, PAYLOAD_LINES * BURST_SECONDS, now)
        bucket = TokenBucket(rate, rate * BURST_SECONDS, now)
        self._filter = LogFilter(lambda now, size: lines.take(now) and bucket.take(now, size))

    def note(self, text: str, peer: str) -> None:
        withheld = self._filter.admit(self._monotonic(), len(text.encode()))
        if withheld is not None:
            if withheld:
                many = plural(withheld, "message")
                _TRANSCRIPT.warn("{many} came too fast to be logged", many=many)
            _TRANSCRIPT.info(CLIENT_SAYS, text=logged(text), peer=peer)
