"""With and without broadcast every member is sent the same, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from unittest import skipIf, skipUnless
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.examples import tried
from tests.support.line_sockets import CLIENTS, SocketHarness
from tests.support.send_ring import NO_RING
from tsservices.chat import fanout as deliveries
from tsservices.chat.delivery import recipients as audience
from tsservices.transport.epoll import passes
from tsservices.transport.epoll.broadcast import StreamBroadcast
from tsservices.transport.epoll.sendring import SendRing
from tsservices.transport.epoll.set import available
from tsservices.transport.epoll.tcp import FastTCPServer

#: A line of which a peer that does not read takes few.
LONG = b"x" * 3000

#: What people type.
SAID = (
    b"hello\n",
    b"one\ntwo\n",
    LONG + b"\n",
    b"/format json\n",
    b"/format text\n",
    b"/echo on\n",
    b"/ack on\n",
    b"/ignore n0\n",
    b"/ignore n1\n",
    b"/join tea\n",
    b"/join lobby\n",
    b"/part\n",
    b"/nick other\n",
    b"/who\n",
    b"/since 1\n",
    b"/topic tea\n",
)

_who = st.integers(0, CLIENTS - 1)

#: Who does what. Those who type between two turns are read in one round.
STEPS = st.lists(
    st.one_of(
        st.tuples(_who, st.just(b"hello\n")),
        st.tuples(_who, st.just(LONG + b"\n")),
        st.tuples(_who, st.sampled_from(SAID)),
        st.tuples(_who, st.sampled_from(("stop", "read", "close", "come", "turn"))),
    ),
    max_size=60,
)


def heardIn(
    steps: list[tuple[int, bytes | str]],
    least: int,
    sends: Callable[..., bool] = StreamBroadcast.send,
    ring: SendRing | None = None,
) -> list[bytes]:
    with ExitStack() as stack:
        for module in (audience, deliveries):
            stack.enter_context(patch.object(module, "BROADCAST_FROM", least))
        stack.enter_context(patch.object(StreamBroadcast, "send", sends))
        # A pass that is late would end between two of those who are to be read together.
        stack.enter_context(patch.object(passes, "PASS_SECONDS", 60.0))
        crowd = SocketHarness()
        crowd.set.sendRing = ring
        try:
            for step in steps:
                crowd.perform(*step)
            return crowd.finish()
        except BaseException:
            crowd.close()
            raise


@skipUnless(available(), "this platform has no epoll")
class TogetherTests(SynchronousTestCase):
    @settings(max_examples=tried(150), derandomize=True)
    @given(STEPS)
    def test_same(self, steps: list[tuple[int, bytes | str]]) -> None:
        self.assertEqual(heardIn(steps, 2), heardIn(steps, 1000))

    @skipIf(NO_RING, NO_RING)
    @settings(max_examples=tried(100), derandomize=True)
    @given(STEPS)
    def test_sameByRing(self, steps: list[tuple[int, bytes | str]]) -> None:
        ring = SendRing(entries=4)
        try:
            self.assertEqual(heardIn(steps, 2, ring=ring), heardIn(steps, 1000))
        finally:
            ring.close()

    def test_broadcast(self) -> None:
        """The third line of a room that does not change is the first broadcast."""
        counted: list[int] = []
        send = StreamBroadcast.send

        def counting(broadcast: StreamBroadcast, data: bytes, without: list[FastTCPServer]) -> bool:
            counted.append(len(data))
            return send(broadcast, data, without)

        talk: list[tuple[int, bytes | str]] = [(0, b"hello\n"), (0, "turn")]
        heardIn(talk, CLIENTS, counting)
        self.assertEqual(counted, [])
        heardIn(talk * 3, CLIENTS, counting)
        self.assertEqual(len(counted), 2)
        heardIn(talk * 3, CLIENTS + 1, counting)
        self.assertEqual(len(counted), 2)
