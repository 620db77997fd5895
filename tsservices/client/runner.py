"""One run of the client, from the first connection to the exit status."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.interfaces import (
    IReactorCore,
    IReactorPluggableNameResolver,
    IReactorTime,
    IStreamClientEndpoint,
)

from tsservices.client.cli import Command, EchoOptions, OperatorOptions, TalkOptions
from tsservices.client.connection import ClientError, place
from tsservices.client.echo import exchangeLines
from tsservices.client.echo_udp import UDPClient, UDPPorts, UNIXDatagrams, exchangeDatagrams
from tsservices.client.resolve import checkZone, resolve
from tsservices.client.server_options import TLSOptions
from tsservices.client.talk import talk
from tsservices.client.terminal.console import Console, Interrupted
from tsservices.common.commandline import INTERRUPTED
from tsservices.transport.twisted_internals import exitSignal

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: What shells add to the number of a signal for the exit status of what it has ended.
SIGNALLED = 128

#: Bytes in the path of a UNIX socket: the smallest limit of the systems Twisted runs on.  An
#: attempt to connect to a longer one never ends in Twisted.
LONGEST_SOCKET_PATH = 103


async def exchange(reactor: ReactorBase, command: Command, console: Console) -> int:
    """
    Do what a command asks for.

    @return: the exit status.
    @raise ClientError: it cannot go on.
    """
    clock = IReactorTime(reactor)
    if isinstance(command, OperatorOptions):
        return await _operate(reactor, command, console)
    server = place(command.host, command.port)
    if isinstance(command, EchoOptions) and command.host.startswith("/"):
        tries = 1 + command.retries
        ports = UNIXDatagrams(reactor)
        client = UDPClient(ports, clock, [(command.host, 0)], command.timeout, tries)
        return await exchangeDatagrams(client, command.host, console)
    if isinstance(command, EchoOptions) and command.wire == "udp":
        resolver = IReactorPluggableNameResolver(reactor).nameResolver
        client = UDPClient(
            UDPPorts(reactor),
            clock,
            await resolve(resolver, command.host, command.port),
            command.timeout,
            1 + command.retries,
        )
        return await exchangeDatagrams(client, server, console)
    ask = partial(_answer, console) if console.attended else None
    endpoint = serverEndpoint(reactor, command, ask, console.complain)
    if isinstance(command, TalkOptions):
        return await talk(endpoint, server, console, clock, command.timeout)
    return await exchangeLines(
        endpoint, server, console, clock, command.timeout, command.wire == "line"
    )


class StreamServer(Protocol):
    """A server of streams, as the options of each command name it."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def timeout(self) -> float: ...

    @property
    def tls(self) -> TLSOptions | None: ...


def serverEndpoint(
    reactor: ReactorBase,
    server: StreamServer,
    ask: Callable[[str], Coroutine[Deferred[Any], Any, str]] | None,
    complain: Callable[[str], None],
) -> IStreamClientEndpoint:
    """
    What connects to a server, in clear or by TLS.

    @param ask: asks a person whether a key is right; L{None}: nobody can be asked.
    @param complain: takes what a person should know and is no failure.
    @raise ClientError: TLS can't be set up, or the host is an address without a way there.
    """
    checkZone(server.host)
    endpoint: IStreamClientEndpoint
    if "%" in server.host:
        # The other one loses the zone.
        endpoint = TCP6ClientEndpoint(reactor, server.host, server.port, server.timeout)
    else:
        endpoint = HostnameEndpoint(reactor, server.host, server.port, server.timeout)
    if server.tls is None:
        return endpoint
    # It is imported only by who needs it: it takes 0.1 s, and an extra.
    try:
        from tsservices.client.tls import TLSEndpoint
    except ImportError as error:
        raise ClientError(f"TLS needs pip install 'tsservices[tls]': {error}") from error
    return TLSEndpoint(
        endpoint,
        server.host,
        server.port,
        server.tls,
        IReactorTime(reactor),
        server.timeout,
        ask,
        complain,
    )


async def _answer(console: Console, question: str) -> str:
    console.write(question.encode("utf-8", "replace"))
    # The end of the input is no yes.
    return ((await console.readLine()) or b"").decode("utf-8", "replace")


async def _operate(reactor: ReactorBase, command: OperatorOptions, console: Console) -> int:
    server = f"the operator's socket {command.path}"
    if len(os.fsencode(command.path)) > LONGEST_SOCKET_PATH:
        raise ClientError(f"cannot connect to {server}: the path is too long")
    endpoint = UNIXClientEndpoint(reactor, command.path, command.timeout)
    return await talk(endpoint, server, console, reactor, command.timeout)


async def run(reactor: ReactorBase, command: Command, console: Console) -> int:
    """Do what a command asks for, and give the exit status."""
    return await supervise(reactor, exchange(reactor, command, console), console)


async def supervise(
    reactor: ReactorBase, running: Coroutine[Deferred[Any], Any, int], console: Console
) -> int:
    """
    Run an exchange until it is done, fails, is interrupted, or nobody reads the output any
    more.

    @return: the exit status.
    """
    finished: Deferred[None] = Deferred()
    forced: list[int] = []
    exchanging = Deferred.fromCoroutine(running)
    cancel = exchanging.cancel

    def end(status: int) -> None:
        # At once: neither the exchange nor a reader who does not take the last of the output
        # is waited for.
        forced.append(status)
        cancel()

    def interrupted() -> Deferred[None]:
        number = exitSignal(reactor)
        end(INTERRUPTED if number is None else SIGNALLED + number)
        return finished

    IReactorCore(reactor).addSystemEventTrigger("before", "shutdown", interrupted)
    status, message = 1, ""

    def onOutputClosed(read: bool) -> None:
        # A reader who has enough is no failure.
        nonlocal message
        if not read:
            message = "the output cannot be written"
        end(0 if read else 1)

    console.outputClosed.addCallback(onOutputClosed)
    try:
        status = await exchanging
    except Interrupted:
        forced.append(INTERRUPTED)
    except ClientError as error:
        message = message or str(error)
    except Exception:
        # Cancelling shows in different ways: a name look-up, for one, reports
        # that the name is unknown.
        if not forced:
            raise
    finally:
        closing = Deferred.fromCoroutine(console.close(flush=not forced))
        cancel = closing.cancel
        with suppress(CancelledError):
            await closing
        finished.callback(None)
    if message:
        console.complain(message)
    return forced[0] if forced else status
