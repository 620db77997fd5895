"""Tests for L{tsservices.server.chat.factory}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import gather
from tsservices.chat.storage import StorageError
from tsservices.cluster.broker import BrokerError
from tsservices.common.statedir import NODE_FILE
from tsservices.server.chat.cluster_service import ClusterChatService
from tsservices.server.chat.factory import makeChat
from tsservices.server.chat.service import ChatService
from tsservices.server.options import Options
from tsservices.server.wiring import chatConfig


class MakeChatTests(SynchronousTestCase):
    def make(self, *words: str) -> ChatService:
        options = Options()
        options.parseOptions(["--port", "0", "--state", "state", *words])
        options.folder.create()
        options.folder.lock()
        try:
            return makeChat(chatConfig(options, options.limits), MemoryReactorClock())
        finally:
            options.folder.release()

    def test_single(self) -> None:
        for words in ((), ("--cluster", "nats://127.0.0.1:1", "--services", "ack")):
            chat = self.make(*words)
            self.assertIs(type(chat), ChatService)
            self.assertEqual((chat.node, chat.counters, chat.nodes), ("", None, None))

    def test_nodeNameIsGivenOrStored(self) -> None:
        chat = self.make("--cluster", "nats://127.0.0.1:1", "--node", "a")
        assert isinstance(chat, ClusterChatService)
        self.assertEqual(chat.node, "a")
        chat.prepare()
        self.assertIn("with the others at nats://127.0.0.1:1", chat.notes[-1])
        chat = self.make("--cluster", "nats://127.0.0.1:1")
        self.assertEqual(chat.node, self.make("--cluster", "nats://127.0.0.1:1").node)
        self.assertTrue(Path("state", NODE_FILE).exists())

    def test_leaveCluster(self) -> None:
        chat = self.make("--cluster", "nats://127.0.0.1:1", "--node", "a")
        loaded = chat.storage.prepare()
        chat.storage.bind("e", loaded.log, loaded.secret, 0)
        self.assertRaises(StorageError, self.make().prepare)
        self.assertRaises(BrokerError, self.make, "--cluster", "nats://x", "--leave-cluster")
        self.make("--leave-cluster").prepare()
        self.make().prepare()

    def test_clusterNeedsADatabase(self) -> None:
        self.assertRaises(BrokerError, self.make, "--cluster", "nats://x", "--journal", "memory")

    def test_brokerErrorsAreLogged(self) -> None:
        logged = gather(self)
        chat = self.make("--cluster", "nats://127.0.0.1:1", "--node", "a")
        assert isinstance(chat, ClusterChatService)
        broker: Any = chat._broker
        broker._errorReported("nats://127.0.0.1:1: nobody answers")
        self.assertEqual(logged, ["the engine: nats://127.0.0.1:1: nobody answers"])
