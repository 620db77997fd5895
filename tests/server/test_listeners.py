"""Tests for L{tsservices.server.listeners}: what serves when."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hasher import ImmediateHasher
from tests.support.logs import gather
from tsservices.common.counters import CounterRegistry
from tsservices.common.limits import Limits
from tsservices.common.statedir import PORTS_FILE, StateDirectory
from tsservices.server.catalog import Catalog
from tsservices.server.chat.service import ChatService, ChatServiceConfig
from tsservices.server.listeners import (
    BoundListener,
    ListenerService,
    PortsFile,
    bind,
    parseListen,
)
from tsservices.services.api import ServiceSpec, StreamFactory
from tsservices.storage.memory import MemoryStorage


class Late(ChatService):
    def __init__(self) -> None:
        config = ChatServiceConfig(Limits(), "run")
        super().__init__(
            config, MemoryStorage("log"), ImmediateHasher(), int, float, lambda job: None
        )
        self.waiting: list[Callable[[], object]] = []

    def whenReady(self, call: Callable[[], object]) -> None:
        self.waiting.append(call)


class Port:
    def __init__(self, number: int) -> None:
        self.name = ("127.0.0.1", number)
        self.serves = self.stopped = False

    def startListening(self) -> None:
        assert not self.serves
        assert not self.stopped
        self.serves = True

    def stopListening(self) -> Deferred[None]:
        self.serves, self.stopped = False, True
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done


class BrokenWiring:
    """Makes no service."""

    def streamFactory(self, service: ServiceSpec, secure: bool | None) -> StreamFactory:
        raise RuntimeError(service.name)


class Discarding:
    """Notes that what was bound is given back."""

    def __init__(self) -> None:
        self.discarded = False

    def discard(self) -> None:
        self.discarded = True


class BindTests(SynchronousTestCase):
    def test_mistake(self) -> None:
        """What a service raises while it is made goes to its author, and nothing stays bound."""
        wiring: Any = BrokenWiring()
        binder: Any = Discarding()
        places = [parseListen(Catalog(), "ack=tcp:7001", "127.0.0.1", 5)]
        error = self.assertRaises(
            RuntimeError, bind, places, wiring, set(), set(), CounterRegistry(), binder
        )
        self.assertEqual(str(error), "ack")
        self.assertTrue(binder.discarded)


class ListeningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = StateDirectory(self.mktemp())
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.chat = Late()
        self.ports = [Port(7001), Port(7002), Port(7003)]
        names = ("chat", "ack", "chat")
        self.listening = ListenerService(
            [
                BoundListener(
                    parseListen(Catalog(), f"{name}=tcp:{port.name[1]}", "127.0.0.1", 5),
                    self.bound(port),
                )
                for name, port in zip(names, self.ports, strict=True)
            ],
            PortsFile(self.folder),
            self.chat,
        )

    def bound(self, port: Any) -> Any:
        return port

    def listed(self) -> list[int]:
        with open(self.folder.path(PORTS_FILE), encoding="utf-8") as file:
            return [item["port"] for item in json.load(file)]

    def serving(self) -> list[int]:
        return [port.name[1] for port in self.ports if port.serves]

    def test_listensAtOnce(self) -> None:
        self.patch(self.chat, "whenReady", lambda call: call())
        self.listening.startService()
        self.assertEqual(self.serving(), [7001, 7002, 7003])
        self.assertEqual(self.listed(), [7001, 7002, 7003])

    def test_readyIsReported(self) -> None:
        self.listening.startService()
        self.assertEqual((self.serving(), self.listed()), ([7001, 7002, 7003], [7002]))
        (ready,) = self.chat.waiting
        ready()
        self.assertEqual(self.listed(), [7001, 7002, 7003])

    def test_stopBeforeReady(self) -> None:
        self.listening.startService()
        self.successResultOf(self.listening.stopService())
        (ready,) = self.chat.waiting
        ready()
        self.assertEqual(self.serving(), [])
        self.assertRaises(FileNotFoundError, self.listed)

    def test_notifyFails(self) -> None:
        logged = gather(self)

        def refuse(*arguments: object) -> None:
            raise OSError("no space left on device")

        self.patch(self.folder, "write", refuse)
        self.listening.startService()
        self.chat.waiting.pop()()
        self.assertEqual(self.serving(), [7001, 7002, 7003])
        troubles = [line for line in logged if "listens at" not in line]
        self.assertEqual(len(troubles), 2)
        self.assertIn("no space left", troubles[0])
