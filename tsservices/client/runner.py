"""One run of the timestamp or the talk client, from the connection to the exit status."""

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

#: Shells report this plus the signal number as the exit status of a process ended by a signal.
SIGNALLED = 128

#: Bytes in the path of a UNIX socket: the smallest limit of the systems on which Twisted runs.  In
#: Twisted an attempt to connect to a longer path never ends.
LONGEST_SOCKET_PATH = 103


async def exchange(reactor: ReactorBase, command: Command, console: Console) -> int:
    """
    Execute a command.

    @return: the exit status.
    @raise ClientError: the command cannot continue.
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
    """The part of each command's options that names a server of streams."""

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
    Make the endpoint that connects to a server, with or without TLS.

    @param ask: asks a person whether a key is right; L{None}: nobody can be asked.
    @param complain: shows a warning to the user.
    @raise ClientError: TLS can't be set up, or the host is an address with a wrong or missing zone.
    """
    checkZone(server.host)
    endpoint: IStreamClientEndpoint
    if "%" in server.host:
        # HostnameEndpoint loses the zone.
        endpoint = TCP6ClientEndpoint(reactor, server.host, server.port, server.timeout)
    else:
        endpoint = HostnameEndpoint(reactor, server.host, server.port, server.timeout)
    if server.tls is None:
        return endpoint
    # Imported only when needed: the import takes 0.1 s and needs an extra.
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
    # The end of the input does not count as yes.
    return ((await console.readLine()) or b"").decode("utf-8", "replace")


async def _operate(reactor: ReactorBase, command: OperatorOptions, console: Console) -> int:
    server = f"the operator's socket {command.path}"
    if len(os.fsencode(command.path)) > LONGEST_SOCKET_PATH:
        raise ClientError(f"cannot connect to {server}: the path is too long")
    endpoint = UNIXClientEndpoint(reactor, command.path, command.timeout)
    return await talk(endpoint, server, console, reactor, command.timeout)


async def run(reactor: ReactorBase, command: Command, console: Console) -> int:
    """Execute a command and return the exit status."""
    return await supervise(reactor, exchange(reactor, command, console), console)


async def supervise(
    reactor: ReactorBase, running: Coroutine[Deferred[Any], Any, int], console: Console
) -> int:
    """
    Run an exchange until it is done, fails, is interrupted, or the reader of the output leaves.

    @return: the exit status.
    """
    finished: Deferred[None] = Deferred()
    forced: list[int] = []
    exchanging = Deferred.fromCoroutine(running)
    cancel = exchanging.cancel

    def end(status: int) -> None:
        # At once: wait neither for the exchange nor for a slow reader of the output.
        forced.append(status)
        cancel()

    def interrupted() -> Deferred[None]:
        number = exitSignal(reactor)
        end(INTERRUPTED if number is None else SIGNALLED + number)
        return finished

    IReactorCore(reactor).addSystemEventTrigger("before", "shutdown", interrupted)
    status, message = 1, ""

    def onOutputClosed(read: bool) -> None:
        # A reader that closes the pipe is no failure.
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
        # Cancelled operations fail with different errors: a name look-up, for example, reports
        # an unknown name.
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
