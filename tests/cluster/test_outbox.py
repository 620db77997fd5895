"""Tests for L{tsservices.cluster.outbox}."""

from __future__ import annotations

from unittest.mock import patch

from tests.support.chat import RecordingOutlet
from tsservices.chat.operations import MESSAGE, NodeDown, Operation, Quit, Say
from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.messages import decode
from tsservices.cluster.outbox import MAX_IN_FLIGHT, OUTBOX_SECONDS, PublishQueue


class TestPublishQueue:
    def setup_method(self) -> None:
        self.now = 100.0
        self.published: list[tuple[int, list[Operation]]] = []
        self.idents: list[str] = []
        self.queue = PublishQueue("a", lambda: self.now, self.publish)
        self.ann = Session("ann", RecordingOutlet())
        self.queue.start("i", [self.proposal("first")])
        self.queue.send()
        assert self.idents == ["a.i.1"]
        self.acknowledge(1)
        self.published.clear()
        self.idents.clear()

    def publish(self, data: bytes) -> None:
        message = decode(data)
        assert (message.node, message.incarnation) == ("a", "i")
        self.published.append((message.n, message.operations))
        self.idents.append(f"{message.node}.{message.incarnation}.{message.n}")

    def proposal(self, text: str) -> Proposal:
        return Say("ann", "r", MESSAGE, (text,)), self.ann

    def propose(self, *texts: str) -> list[Proposal]:
        refused = []
        for text in texts:
            refused += self.queue.add([self.proposal(text)])
            self.queue.send()
        return refused

    def acknowledge(self, *numbers: int) -> None:
        for number in numbers:
            assert self.queue.acknowledge(number) is not None
        self.queue.send()

    def texts(self) -> list[tuple[int, str]]:
        found = [
            (n, "".join("".join(event.texts) for event in events if isinstance(event, Say)))
            for n, events in self.published
        ]
        self.published.clear()
        return found

    def test_windowIsFullThenOneMessage(self) -> None:
        self.propose(*"abcdefg")
        assert self.texts() == [(2, "a"), (3, "b"), (4, "c"), (5, "d")]
        assert len(self.queue.inFlight) == MAX_IN_FLIGHT
        assert self.queue.messageCount == MAX_IN_FLIGHT + 1
        self.acknowledge(2)
        assert self.texts() == [(6, "efg")]
        assert len(self.queue.proposals()) == 6

    def test_firstMessageGoesAlone(self) -> None:
        self.queue.start("i", [self.proposal("up")])
        self.queue.send()
        self.propose("a", "b")
        assert self.texts() == [(1, "up")]
        self.acknowledge(1)
        assert self.texts() == [(2, "ab")]

    def test_proposedBeforeTheStart(self) -> None:
        outbox = PublishQueue("a", lambda: self.now, self.publish)
        outbox.add([self.proposal("early")])
        outbox.send(heartbeat=True)
        assert self.published == []
        outbox.start("i", [self.proposal("up")])
        outbox.send()
        assert self.texts() == [(1, "upearly")]

    def test_republishesTheSameMessages(self) -> None:
        self.propose("a", "b")
        self.texts()
        self.queue.suspended = True
        self.propose("c")
        assert self.texts() == []
        self.queue.republish()
        assert self.texts() == [(2, "a"), (3, "b")]
        assert self.idents == ["a.i.2", "a.i.3", "a.i.2", "a.i.3"]

    def test_acknowledgesOnlyTheNext(self) -> None:
        self.propose("a", "b")
        assert self.queue.acknowledge(3) is None
        assert self.queue.acknowledge(1) is None
        sent = self.queue.acknowledge(2)
        assert sent is not None
        assert sent.proposals == [self.proposal("a")]
        assert self.queue.acknowledge(2) is None

    def test_heartbeatIsEmptyOrADuplicate(self) -> None:
        self.queue.send(heartbeat=True)
        assert self.published == [(2, [])]
        self.queue.suspended = True
        self.queue.send(heartbeat=True)
        assert self.published == [(2, []), (2, [])]
        assert self.idents == ["a.i.2", "a.i.2"]
        self.queue.suspended = False
        self.acknowledge(2)
        assert self.queue.size == 0

    def test_noHeartbeatBesideAMessage(self) -> None:
        self.queue.add([self.proposal("a")])
        self.queue.send(heartbeat=True)
        assert self.texts() == [(2, "a")]

    def test_sizeIsZeroWhenEmpty(self) -> None:
        assert self.queue.size == 0
        self.propose(*"abcdef")
        assert self.queue.size > 6 * 20
        self.acknowledge(2, 3, 4, 5)
        self.acknowledge(6)
        assert self.queue.size == 0
        self.queue.suspended = True
        self.propose("a")
        self.now += OUTBOX_SECONDS + 1
        assert self.queue.takeExpired({"ann"}) == [self.proposal("a")]
        assert self.queue.size == 0
        self.propose("a")
        assert self.queue.clear() == [self.proposal("a")]
        assert self.queue.size == 0

    def test_fullRejectsAllButQuits(self) -> None:
        with patch("tsservices.cluster.outbox.OUTBOX_BYTES", 300):
            quit = (Quit("ann", ""), self.ann)
            many = [self.proposal("x" * 400), self.proposal("y"), quit]
            assert self.queue.add(many) == many[:2]
            assert self.queue.proposals() == [quit]
            assert self.propose("y") == []

    def test_splitsAtTheMaximumSize(self) -> None:
        with patch("tsservices.cluster.outbox.MESSAGE_BYTES", 300):
            self.queue.start("i", [])
            self.queue.suspended = True
            assert self.propose("x" * 250) == [self.proposal("x" * 250)]
            assert self.propose(*"abcdefghij") == []
            self.queue.suspended = False
            self.queue.send()
            assert self.texts() == [(1, "abcdef")]

    def test_onlyUnpublishedExpires(self) -> None:
        self.propose(*"abcd")
        quit, gone = (Quit("ann", ""), self.ann), (NodeDown("", "b", "i", 1), self.ann)
        self.queue.add([gone, self.proposal("e"), quit])
        self.now += OUTBOX_SECONDS - 1
        self.propose("f")
        assert self.queue.takeExpired({"ann"}) == []
        self.now += 1
        assert self.queue.takeExpired({"ann"}) == [self.proposal("e")]
        assert self.queue.takeExpired({"ann"}) == []
        assert self.queue.proposals()[4:] == [gone, quit, self.proposal("f")]

    def test_unknownIsToldOnce(self) -> None:
        bob = Session("bob", RecordingOutlet())
        self.propose("a", "b")
        self.queue.add([(Quit("bob", ""), bob), (Quit("", ""), Session("", None))])
        self.queue.send()
        self.now += OUTBOX_SECONDS - 1
        self.propose("c", "d")
        assert self.queue.takeUnknown() == []
        self.now += 1
        assert self.queue.takeUnknown() == [self.ann, bob]
        assert self.queue.takeUnknown() == []
        sent = self.queue.acknowledge(2)
        assert sent is not None
        assert sent.notified
