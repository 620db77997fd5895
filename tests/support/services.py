"""The services of this suite in a server in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.support.hasher import ImmediateHasher
from tsservices.common.addresses import LOOPBACK
from tsservices.common.limits import Limits
from tsservices.common.logs import PayloadLog
from tsservices.common.timestamps import NANOSECONDS, TimestampFormatter
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.web.server import WebServer
from tsservices.server.chat.service import ChatService, ChatServiceConfig
from tsservices.server.password_hasher import PasswordHasherThread
from tsservices.server.registry import BY_NAME, Wiring
from tsservices.services.api import ServiceSpec
from tsservices.services.talk.switchboard import Switchboard
from tsservices.stamp.reflector import ReflectorConfig
from tsservices.storage.memory import MemoryStorage
from tsservices.testing import ManualClock, MemoryDatagramTransport, MemoryServer, MemoryTransport
from tsservices.transport.stream import StreamFactory


def startChat(
    limits: Limits,
    nanoseconds: Callable[[], int],
    atTurnEnd: Callable[[Callable[[], None]], object],
    storage: MemoryStorage | None = None,
    hasher: PasswordHasherThread | None = None,
    welcomeFile: str = "",
) -> ChatService:
    chat = ChatService(
        ChatServiceConfig(limits, "run", welcomeFile),
        storage or MemoryStorage("log"),
        hasher or ImmediateHasher(),
        nanoseconds,
        lambda: nanoseconds() / NANOSECONDS,
        atTurnEnd,
    )
    chat.prepare()
    chat.startService()
    return chat


class SuiteServer(MemoryServer):
    """A server in memory with everything that the services of this suite need."""

    def __init__(
        self,
        limits: Limits | None = None,
        trusted: tuple[str, ...] = LOOPBACK,
        clock: ManualClock | None = None,
        form: str = "ctime",
        reflector: ReflectorConfig | None = None,
        log: str = "log",
    ) -> None:
        super().__init__(limits, trusted, clock)
        limits = self.streams.limits
        chat = startChat(
            limits,
            self.clock.nanoseconds,
            lambda job: self.clock.callLater(0, job),
            MemoryStorage(log),
        )
        self.wiring = Wiring(
            streams=self.streams,
            datagrams=self.datagrams,
            formatter=TimestampFormatter(form, self.clock.nanoseconds),
            payloadLog=PayloadLog(limits.logRate, self.clock.seconds),
            switchboard=Switchboard("operator", limits.talkWaiting),
            reflector=reflector or ReflectorConfig(),
            nanoclock=self.clock.nanoseconds,
            chat=chat,
            irc=IRCServer(chat),
            web=WebServer(chat),
        )

    def listen(self, service: ServiceSpec) -> StreamFactory:
        return self.wiring.streamFactory(service)

    def datagramProtocol(self, service: ServiceSpec) -> DatagramProtocol:
        protocol, _ = self.wiring.datagramProtocol(service)
        return protocol


def connect(
    name: str, server: SuiteServer | None = None, host: str = "192.0.2.1", port: int = 50_000
) -> tuple[Any, MemoryTransport]:
    return (server or SuiteServer()).connect(BY_NAME[name], host, port)


def bind(name: str, server: SuiteServer | None = None) -> tuple[Any, MemoryDatagramTransport]:
    return (server or SuiteServer()).bind(BY_NAME[name])
