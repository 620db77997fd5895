"""
The fast and the stock transport, driven by the same random scripts over real sockets.

Usage: C{python random_scripts.py EXAMPLES SEED SECONDS REACTOR RING}.  REACTOR is what the fast
ports are under: "epollreactor" (Twisted's) or "mainloop" (ours); the stock ones are under
Twisted's.  With "ring" for RING the broadcasts of the fast ones are sent by io_uring, else one by
one.
Exits with 0 when no script told them apart, after printing how the connections ended, and otherwise
with the shortest script found that does.
After SECONDS no more scripts are compared.

A script is a list of steps.  In each the client, a plain socket, sends some bytes; once the server
has them all its protocol does what the step says, partly inside C{dataReceived} and partly in a
later turn of the reactor; then the client takes all that was written.  What is compared are the
joined bytes each way, the order of the callbacks with repeated C{dataReceived} taken as one, that
there was exactly one C{connectionLost}, and its class unless the client ended with a reset, after
which that is a matter of timing.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from twisted.internet import epollreactor, tcp, unix
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from tsservices.transport.epoll.interfaces import SHORT_READ
from tsservices.transport.epoll.mainloop import EpollMainReactor
from tsservices.transport.epoll.sendring import SendRing
from tsservices.transport.epoll.set import epollSetOf
from tsservices.transport.epoll.tcp import FastTCPPort, FastTCPServer, FastUNIXPort

#: How many turns of 1 ms without any news are taken for the end of what will happen, where it
#: cannot be known. Some congestion controls pace even what goes over loopback.
PATIENCE: Final = 100

COMPARED: Final = ("callbacks", "received", "taken", "losses", "reasons", "remedies")

#: Stands before each chunk in its answer, and is in no other bytes.
PREFIX: Final = b"P"

SIZES: Final = st.sampled_from([1, 10, 1000, 65536, 65537, 300000])

ACTIONS: Final = st.one_of(
    st.tuples(st.just("write"), SIZES),
    st.tuples(st.just("write"), SIZES),
    st.tuples(st.just("sequence"), SIZES),
    st.tuples(st.just("broadcast"), SIZES),
    st.tuples(st.just("pull"), st.integers(1, 20)),
    st.tuples(
        st.sampled_from(
            ["own", "unregister", "pause", "resume", "lose", "halve", "abort", "raise", "empty"]
        ),
        st.just(0),
    ),
)


@dataclass(frozen=True)
class Step:
    """
    One request and what the server does about it.

    @ivar size: how many bytes the client sends.
    """

    size: int
    inside: list[tuple[str, int]]
    outside: list[tuple[str, int]]


@dataclass(frozen=True)
class Script:
    """A connection from begin to end."""

    local: bool
    halfCloseable: bool
    answering: bool
    prefixing: bool
    ending: str
    steps: list[Step]


SCRIPTS: Final = st.builds(
    Script,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["close", "shutdown", "reset"]),
    st.lists(
        st.builds(
            Step,
            st.sampled_from([1, 100, SHORT_READ, SHORT_READ + 1, 70000]),
            st.lists(ACTIONS, max_size=4),
            st.lists(ACTIONS, max_size=3),
        ),
        max_size=5,
    ),
)


class Counted(tcp.Server):
    """A stock transport that counts what it sends, as the fast ones do."""

    bytesSent = 0

    def writeSomeData(self, data: bytes) -> Any:
        sent = super().writeSomeData(data)
        if isinstance(sent, int):
            self.bytesSent += sent
        return sent


class CountedLocal(Counted, unix.Server):
    """The same for UNIX sockets."""


class Puller:
    """A pull producer of a few chunks."""

    def __init__(self, server: Server, chunks: int) -> None:
        self.server = server
        self.chunks = chunks

    def resumeProducing(self) -> None:
        if self.chunks:
            self.chunks -= 1
            self.server.transport.write(b"p" * 500)
        else:
            self.server.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.server.note("stopProducing")


class Taking:
    """Counts what is answered by prefixes, and gives it to the protocol: all of it is the same."""

    received = 0

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bytes = 0

    @property
    def receivedBytes(self) -> int:
        return self.bytes

    @receivedBytes.setter
    def receivedBytes(self, size: int) -> None:
        self.server.take(b"c" * (size - self.bytes))
        self.bytes = size


class Server(Protocol):
    """
    The protocol of a script.

    @ivar received: all the bytes it got.
    """

    transport: Any

    def __init__(self, script: Script) -> None:
        self.script = script
        self.callbacks: list[str] = []
        self.received = b""
        self.reasons: list[str] = []
        self.done = 0
        self.due = 0
        self.reading = False
        self.roundStamp = b""
        if script.halfCloseable:
            directlyProvides(self, IHalfCloseableProtocol)

    def note(self, name: str) -> None:
        if self.callbacks[-1:] != [name]:
            self.callbacks.append(name)

    def connectionMade(self) -> None:
        """Send without delay, so that answers do not wait for acknowledgements."""
        self.note("made")
        self.transport.setTcpNoDelay(True)
        if self.script.answering and isinstance(self.transport, FastTCPServer):
            self.transport.replyWith(self.reply, self)
            if self.script.prefixing:
                self.transport.prefixWith(self, Taking(self))

    def roundBegan(self) -> None:
        self.reading = True
        if self.script.prefixing:
            self.roundStamp = PREFIX

    def roundEnded(self) -> None:
        self.reading = False
        self.roundStamp = b""

    def reply(self, data: bytes) -> bytes:
        assert self.reading or not isinstance(self.transport, FastTCPServer)
        self.take(data)
        return PREFIX + data if self.script.prefixing else data

    def dataReceived(self, data: bytes) -> None:
        if self.script.answering:
            self.transport.write(self.reply(data))
        else:
            self.take(data)

    def take(self, data: bytes) -> None:
        self.note("data")
        self.received += data
        while self.done < len(self.script.steps):
            step = self.script.steps[self.done]
            if len(self.received) < self.due + step.size:
                return
            self.due += step.size
            self.done += 1
            if not self.script.answering:
                for action in step.inside:
                    self.act(*action)

    def act(self, name: str, amount: int) -> None:
        transport = self.transport
        if name == "write":
            transport.write(b"w" * amount)
        elif name == "broadcast":
            self.broadcast(b"b" * amount)
        elif name == "empty":
            transport.write(b"")
        elif name == "sequence":
            transport.writeSequence([b"s" * amount, b"", b"t" * 3])
        elif name == "own" and transport.producer is None:
            transport.registerProducer(transport, True)
        elif name == "pull" and transport.producer is None:
            transport.registerProducer(Puller(self, amount), False)
        elif name == "unregister":
            transport.unregisterProducer()
        elif name == "pause":
            transport.pauseProducing()
        elif name == "resume":
            transport.resumeProducing()
        elif name == "lose":
            transport.loseConnection()
        elif name == "halve":
            transport.loseWriteConnection()
        elif name == "abort":
            transport.abortConnection()
        elif name == "raise":
            raise ZeroDivisionError

    def broadcast(self, data: bytes) -> None:
        transport = self.transport
        if isinstance(transport, FastTCPServer) and transport.isIdle:
            broadcast = transport.broadcastWith([transport])
            sent = broadcast.send(data, [])
            broadcast.dissolve()
            if sent:
                return
        transport.write(data)

    def readConnectionLost(self) -> None:
        self.note("readLost")

    def writeConnectionLost(self) -> None:
        self.note("writeLost")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.note("lost")
        self.reasons.append(reason.type.__name__ if reason.type else "")


@dataclass
class Run:
    """One script on one kind of port."""

    script: Script
    fast: bool
    reactor: Any
    taken: bytes = b""
    ended: bool = False
    marks: list[str] = field(default_factory=list)

    def listen(self, folder: str) -> Any:
        self.server = Server(self.script)
        factory = Factory.forProtocol(lambda: self.server)
        factory.noisy = False
        if self.script.local:
            kind: Any = FastUNIXPort if self.fast else unix.Port
            port = kind(os.path.join(folder, "s").encode(), factory, reactor=self.reactor)
        else:
            kind = FastTCPPort if self.fast else tcp.Port
            port = kind(0, factory, 50, "127.0.0.1", self.reactor)
        if not self.fast:
            port.transport = CountedLocal if self.script.local else Counted
        port.startListening()
        return port

    def take(self) -> None:
        try:
            while not self.ended:
                data = self.client.recv(1 << 20)
                self.taken += data
                self.ended = not data
        except BlockingIOError:
            pass
        except ConnectionError:
            self.ended = True

    def settle(self) -> None:
        """Turn the reactor, and take what comes, until nothing happens any more."""
        quiet = 0
        before: Any = None
        while quiet < PATIENCE:
            self.reactor.iterate(0 if quiet < 3 else 0.001)
            self.take()
            now = (len(self.taken), len(self.server.received), self.server.callbacks[:], self.ended)
            quiet = 0 if now != before else quiet + 1
            before = now
            if self.server.reasons and self.ended:
                return
            if quiet >= 3 and self.idle():
                return

    def idle(self) -> bool:
        server = self.server
        if server.reasons or not server.callbacks:
            return False
        transport = server.transport
        return (
            (len(server.received) == self.sent or transport not in transport.reactor.getReaders())
            and len(self.taken) == transport.bytesSent
            and not transport.dataBuffer
            and not transport._tempDataLen
            and transport.producer in (None, transport)
            and not (transport.disconnecting or transport._aborting)
        )

    def send(self, size: int) -> None:
        """Have the client send, turning the reactor when there is no room."""
        left = b"c" * size
        for _ in range(200):
            try:
                sent = self.client.send(left)
                self.sent += sent
                left = left[sent:]
            except BlockingIOError:
                self.reactor.iterate(0.001)
                self.take()
            except OSError:
                return
            if not left or self.server.reasons:
                return

    def play(self) -> tuple[Any, ...]:
        self.sent = 0
        with tempfile.TemporaryDirectory() as folder:
            port = self.listen(folder)
            if self.script.local:
                self.client = socket.socket(socket.AF_UNIX)
                self.client.connect(os.path.join(folder, "s"))
            else:
                self.client = socket.create_connection(("127.0.0.1", port.getHost().port))
            self.client.setblocking(False)
            try:
                self.settle()
                for index, step in enumerate(self.script.steps):
                    self.send(step.size)
                    self.settle()
                    if self.server.reasons or self.server.done <= index:
                        break
                    for name, amount in step.outside:
                        if name != "raise" and not self.server.reasons:
                            self.server.act(name, amount)
                    self.settle()
                self.end()
            finally:
                self.client.close()
                port.stopListening()
                self.reactor.iterate(0)
                self.reactor.iterate(0)
        fastServed = isinstance(self.server.transport, FastTCPServer)
        assert fastServed == self.fast
        clean = self.script.ending != "reset"
        return (
            self.server.callbacks,
            self.server.received,
            # How many there are depends on the borders of chunks.
            self.taken.replace(PREFIX, b""),
            len(self.server.reasons),
            self.server.reasons if clean else None,
            self.marks,
        )

    def end(self) -> None:
        """
        End the connection from the client's side, and if that is not enough from the server's.
        """
        server = self.server
        if not server.reasons and self.script.ending == "shutdown":
            try:
                self.client.shutdown(socket.SHUT_WR)
            except OSError:
                self.marks.append("no shutdown")
            self.settle()
        if self.script.ending == "reset" and not self.script.local:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        self.ended = True
        self.settle()
        for remedy in ("loseConnection", "abortConnection"):
            if not server.reasons:
                self.marks.append(remedy)
                getattr(server.transport, remedy)()
                self.settle()


def started(kind: type[Any]) -> Any:
    reactor = kind()
    reactor.startRunning(installSignalHandlers=False)
    return reactor


def main(examples: int, number: int, seconds: float, name: str, byRing: bool) -> None:
    twisted = started(epollreactor.EPollReactor)
    ours = started(EpollMainReactor) if name == "mainloop" else twisted
    # It keeps the set, and with it the ring, between the scripts.
    fastOnes = epollSetOf(ours)
    fastOnes.sendRing = SendRing() if byRing else None
    deadline = monotonic() + seconds
    kinds: dict[str, int] = {}

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(SCRIPTS)
    def compare(script: Script) -> None:
        if monotonic() > deadline:
            return
        fast = Run(script, True, ours).play()
        stock = Run(script, False, twisted).play()
        compared: Sequence[str] = COMPARED
        if "abortConnection" in stock[-1] and "abortConnection" not in fast[-1]:
            # The stock transport waits for ever for a producer that it has paused and then resumed.
            # Whether it has paused it depends on the room that the kernel had.
            compared = COMPARED[: COMPARED.index("reasons")]
        for name, mine, theirs in zip(compared, fast, stock, strict=False):
            assert mine == theirs, f"{name}: fast {mine!r:.200} stock {theirs!r:.200}"
        for reason in fast[4] or ["reset"]:
            kinds[reason] = kinds.get(reason, 0) + 1

    compare()
    print(kinds)


if __name__ == "__main__":
    # What protocols raise is logged, and that is tested elsewhere.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5] == "ring")
