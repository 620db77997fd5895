"""
Log lines about users and peers: audited actions (L{audit}), misbehaving peers (L{PeerLog}),
connects and disconnects (L{ConnectionLog}), and text that C{ack} and C{sink} receive
(L{PayloadLog}).

Except for L{audit}, strangers can cause any number of lines, so each log has a L{LogFilter}.
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

#: The most lines in one minute about all peers together.  With forged sources every datagram is a
#: new peer, and the log would fill the disk.
LOG_LINES_PER_MINUTE = 60

#: The most lines in one minute about connections and datagrams, if they are logged.
CONNECTION_LINES_PER_MINUTE = 600

#: The burst of the payload log: so many seconds of its rates may be logged at once.
BURST_SECONDS = 8

#: The most payload entries in one second: even with a short text each has a hundred bytes or more.
PAYLOAD_LINES = 100

#: One entry of the payload log.
CLIENT_SAYS = "客户端发来的消息是:{text} [{peer}]"

# A public name: other programs select these lines of the log by it.
_AUDIT = Logger("tsservices.audit")
_TRANSCRIPT = Logger("tsservices.transcript")

_LOG = Logger("tsservices")

_Facts = ParamSpec("_Facts")


def audit(facts: Mapping[str, object]) -> None:
    """
    Log an action on an account or a room, after it is stored, as one line of JSON.

    Accounts appear by name and addresses by their cloaks.  The caller must not pass passwords, or
    text from which one could be guessed.
    """
    # JSON in ASCII: text of users can't begin another line, or reverse the direction of this one.
    _AUDIT.info("{audit}", audit=json.dumps(dict(facts), default=str, separators=(",", ":")))


class LogFilter(Generic[_Facts]):
    """A filter that applies a limit to log entries, and counts the withheld ones."""

    def __init__(self, allows: Callable[_Facts, bool]) -> None:
        """@param allows: the limit: takes the facts about an entry that it needs."""
        self._allows = allows
        self._withheld = 0

    def admit(self, *args: _Facts.args, **facts: _Facts.kwargs) -> int | None:
        """Get the number of entries withheld since the last line; L{None}: withhold this one."""
        if not self._allows(*args, **facts):
            self._withheld += 1
            return None
        withheld, self._withheld = self._withheld, 0
        return withheld


class PeerLog:
    """The log of misbehaving peers: one line a minute about each."""

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
    """The log of connects, disconnects and sources of datagrams, if the operator enables it."""

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
        @param received: the number of bytes received.
        @param sent: the number of bytes sent.
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
        Log the first datagram of a source, and once a minute each reason for drops of a host.

        @param drop: the name of the counter; L{None}: the datagram was not dropped.
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
    """The log of text from strangers, escaped and rate-limited."""

    def __init__(self, rate: int, monotonic: Callable[[], float]) -> None:
        """
        @param rate: bytes of text a second, from all peers together.
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
