"""
Tests for L{tsservices.cluster.outbox}.
"""

from __future__ import annotations

from unittest.mock import patch

from tests.support.chat import Ear
from tsservices.chat.operations import MESSAGE, NodeDown, Operation, Quit, Say
from tsservices.chat.pipeline import Proposal
from tsservices.chat.session import Session
from tsservices.cluster.messages import decode
from tsservices.cluster.outbox import MAX_IN_FLIGHT, OUTBOX_SECONDS, PublishQueue


class TestOutbox:
    def setup_method(self) -> None:
        self.now = 100.0
        self.published: list[tuple[int, list[Operation]]] = []
        self.idents: list[str] = []
        self.outbox = PublishQueue("a", lambda: self.now, self.publish)
        self.ann = Session("ann", Ear())
        self.outbox.start("i", [self.proposal("first")])
        self.outbox.send()
        assert self.idents == ["a.i.1"]
        self.arrived(1)
        self.published.clear()
        self.idents.clear()

    def publish(self, data: bytes) -> None:
        message = decode(data)
        assert (message.node, message.incarnation) == ("a", "i")
        self.published.append((message.n, message.operations))
        self.idents.append(f"{message.node}.{message.incarnation}.{message.n}")

    def proposal(self, text: str) -> Proposal:
        return Say("ann", "r", MESSAGE, (text,)), self.ann

    def say(self, *texts: str) -> list[Proposal]:
        refused = []
        for text in texts:
            refused += self.outbox.add([self.proposal(text)])
            self.outbox.send()
        return refused

    def arrived(self, *numbers: int) -> None:
        for number in numbers:
            assert self.outbox.acknowledge(number) is not None
        self.outbox.send()

    def texts(self) -> list[tuple[int, str]]:
        found = [
            (n, "".join("".join(each.texts) for each in events if isinstance(each, Say)))
            for n, events in self.published
        ]
        self.published.clear()
        return found

    def test_window(self) -> None:
        """A few messages are under way; the rest goes together when one comes back."""
        self.say(*"abcdefg")
        assert self.texts() == [(2, "a"), (3, "b"), (4, "c"), (5, "d")]
        assert len(self.outbox.inFlight) == MAX_IN_FLIGHT
        assert self.outbox.messageCount == MAX_IN_FLIGHT + 1
        self.arrived(2)
        assert self.texts() == [(6, "efg")]
        assert len(self.outbox.proposals()) == 6

    def test_firstAlone(self) -> None:
        """Before its beginning has come back nothing else is said."""
        self.outbox.start("i", [self.proposal("up")])
        self.outbox.send()
        self.say("a", "b")
        assert self.texts() == [(1, "up")]
        self.arrived(1)
        assert self.texts() == [(2, "ab")]

    def test_beforeItBegins(self) -> None:
        """What is proposed before the beginning comes after it."""
        outbox = PublishQueue("a", lambda: self.now, self.publish)
        outbox.add([self.proposal("early")])
        outbox.send(heartbeat=True)
        assert self.published == []
        outbox.start("i", [self.proposal("up")])
        outbox.send()
        assert self.texts() == [(1, "upearly")]

    def test_again(self) -> None:
        """The same goes again under the same names, in order; what waits waits."""
        self.say("a", "b")
        self.texts()
        self.outbox.held = True
        self.say("c")
        assert self.texts() == []
        self.outbox.republish()
        assert self.texts() == [(2, "a"), (3, "b")]
        assert self.idents == ["a.i.2", "a.i.3", "a.i.2", "a.i.3"]

    def test_arrived(self) -> None:
        """Only what is waited for has come back."""
        self.say("a", "b")
        assert self.outbox.acknowledge(3) is None
        assert self.outbox.acknowledge(1) is None
        sent = self.outbox.acknowledge(2)
        assert sent is not None
        assert sent.proposals == [self.proposal("a")]
        assert self.outbox.acknowledge(2) is None

    def test_heartbeat(self) -> None:
        """There is always something to say: nothing, or what was said already."""
        self.outbox.send(heartbeat=True)
        assert self.published == [(2, [])]
        self.outbox.held = True
        self.outbox.send(heartbeat=True)
        assert self.published == [(2, []), (2, [])]
        assert self.idents == ["a.i.2", "a.i.2"]
        self.outbox.held = False
        self.arrived(2)
        assert self.outbox.size == 0

    def test_heartbeatWithWords(self) -> None:
        """Who has something to say says that, once."""
        self.outbox.add([self.proposal("a")])
        self.outbox.send(heartbeat=True)
        assert self.texts() == [(2, "a")]

    def test_size(self) -> None:
        """What is gone takes no room."""
        assert self.outbox.size == 0
        self.say(*"abcdef")
        assert self.outbox.size > 6 * 20
        self.arrived(2, 3, 4, 5)
        self.arrived(6)
        assert self.outbox.size == 0
        self.outbox.held = True
        self.say("a")
        self.now += OUTBOX_SECONDS + 1
        assert self.outbox.takeExpired({"ann"}) == [self.proposal("a")]
        assert self.outbox.size == 0
        self.say("a")
        assert self.outbox.clear() == [self.proposal("a")]
        assert self.outbox.size == 0

    def test_full(self) -> None:
        """
        There is no more room than there is, but for what has to be; what follows in the
        same turn what did not fit is not taken either.
        """
        with patch("tsservices.cluster.outbox.OUTBOX_BYTES", 300):
            quit = (Quit("ann", ""), self.ann)
            many = [self.proposal("x" * 400), self.proposal("y"), quit]
            assert self.outbox.add(many) == many[:2]
            assert self.outbox.proposals() == [quit]
            assert self.say("y") == []

    def test_tooBig(self) -> None:
        """What does not go in one message does not go; messages are as big as they may be."""
        with patch("tsservices.cluster.outbox.MESSAGE_BYTES", 300):
            self.outbox.start("i", [])
            self.outbox.held = True
            assert self.say("x" * 250) == [self.proposal("x" * 250)]
            assert self.say(*"abcdefghij") == []
            self.outbox.held = False
            self.outbox.send()
            assert self.texts() == [(1, "abcdef")]

    def test_expired(self) -> None:
        """What was never sent is not sent after a while, but for what has to be."""
        self.say(*"abcd")
        quit, gone = (Quit("ann", ""), self.ann), (NodeDown("", "b", "i", 1), self.ann)
        self.outbox.add([gone, self.proposal("e"), quit])
        self.now += OUTBOX_SECONDS - 1
        self.say("f")
        assert self.outbox.takeExpired({"ann"}) == []
        self.now += 1
        assert self.outbox.takeExpired({"ann"}) == [self.proposal("e")]
        assert self.outbox.takeExpired({"ann"}) == []
        assert self.outbox.proposals()[4:] == [gone, quit, self.proposal("f")]

    def test_unknown(self) -> None:
        """Whose lines were sent, and have not come back, is known; they are told once."""
        bob = Session("bob", Ear())
        self.say("a", "b")
        self.outbox.add([(Quit("bob", ""), bob), (Quit("", ""), Session("", None))])
        self.outbox.send()
        self.now += OUTBOX_SECONDS - 1
        self.say("c", "d")
        assert self.outbox.takeUnknown() == []
        self.now += 1
        assert self.outbox.takeUnknown() == [self.ann, bob]
        assert self.outbox.takeUnknown() == []
        sent = self.outbox.acknowledge(2)
        assert sent is not None
        assert sent.notified
