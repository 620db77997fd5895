"""
What one running server gives to all of its services.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import CounterRegistry
from tsservices.common.limits import Limits
from tsservices.common.logs import PayloadLog, PeerLog
from tsservices.common.timestamps import Nanoclock, TimestampFormatter
from tsservices.server.chat.service import ChatService
from tsservices.services.talk.switchboard import Switchboard
from tsservices.stamp.reflector import ReflectorConfig
from tsservices.transport.admission import Admission
from tsservices.transport.timeouts import ConnectionTimeouts
from tsservices.transport.udp_guard import REFLECTOR_PORTS


@dataclass(frozen=True)
class ServiceContext:
    """
    Made once, when the server is; the clocks enter here.

    @ivar limits: all bounds.
    @ivar stamper: writes the stamps.
    @ivar trust: whose UDP rate and connections are not bounded.
    @ivar clock: schedules.
    @ivar monotonic: the time in seconds, which nobody sets back.
    @ivar admission: counts connections.
    @ivar sweep: keeps the time limits of connections.
    @ivar complaints: the log lines about peers.
    @ivar ledger: all counters.
    @ivar closedPorts: the ports that no honest client asks from over UDP; those of
        this server are put in when they are known.
    @ivar transcript: logs what ack and sink are told.
    @ivar switchboard: where talk happens.
    @ivar chat: the chat.
    @ivar nanoclock: nanoseconds since 1970.
    @ivar mode: how STAMP is reflected.
    """

    limits: Limits
    stamper: TimestampFormatter
    trust: TrustedNetworks
    clock: IReactorTime
    monotonic: Callable[[], float]
    admission: Admission
    sweep: ConnectionTimeouts
    complaints: PeerLog
    transcript: PayloadLog
    switchboard: Switchboard
    chat: ChatService
    nanoclock: Nanoclock = time.time_ns
    mode: ReflectorConfig = field(default_factory=ReflectorConfig)
    ledger: CounterRegistry = field(default_factory=CounterRegistry)
    closedPorts: set[int] = field(default_factory=lambda: set(REFLECTOR_PORTS))

    @classmethod
    def make(
        cls,
        limits: Limits,
        stamper: TimestampFormatter,
        trust: TrustedNetworks,
        clock: IReactorTime,
        monotonic: Callable[[], float],
        chat: ChatService,
        operator: str = "operator",
        nanoclock: Nanoclock = time.time_ns,
        mode: ReflectorConfig | None = None,
    ) -> ServiceContext:
        """
        A new one.

        @param monotonic: the time in seconds.
        @param nanoclock: nanoseconds since 1970.
        """
        return cls(
            limits=limits,
            stamper=stamper,
            trust=trust,
            clock=clock,
            monotonic=monotonic,
            admission=Admission(limits, trust),
            sweep=ConnectionTimeouts(limits, clock, monotonic),
            complaints=PeerLog(monotonic),
            transcript=PayloadLog(limits.logRate, monotonic),
            switchboard=Switchboard(operator, limits.talkWaiting),
            chat=chat,
            nanoclock=nanoclock,
            mode=mode or ReflectorConfig(),
        )
