"""
One run of the client, from the first connection to the exit status.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import (
    IReactorCore,
    IReactorPluggableNameResolver,
    IReactorTime,
    IReactorUDP,
)

from tsservices.client.cli import Command, EchoOptions, OperatorOptions, TalkOptions
from tsservices.client.connection import ClientError, place
from tsservices.client.echo import exchangeLines
from tsservices.client.echo_udp import UDPClient, exchangeDatagrams
from tsservices.client.resolve import resolve
from tsservices.client.talk import talk
from tsservices.client.terminal.console import Console, Interrupted

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: The exit status after Ctrl-C: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130

#: Bytes in the path of a UNIX socket: the smallest limit of the systems Twisted runs on. Twisted
#: never ends an attempt to connect to a longer one.
LONGEST_SOCKET_PATH = 103


async def converse(reactor: ReactorBase, command: Command, console: Console) -> int:
    """
    Do what a command asks for.

    @raise ClientError: when it cannot go on.
    """
    clock = IReactorTime(reactor)
    if isinstance(command, OperatorOptions):
        return await _operate(reactor, command, console)
    there = place(command.host, command.port)
    if isinstance(command, EchoOptions) and command.wire == "udp":
        resolver = IReactorPluggableNameResolver(reactor).nameResolver
        asker = UDPClient(
            IReactorUDP(reactor),
            clock,
            await resolve(resolver, command.host, command.port),
            command.timeout,
            1 + command.retries,
        )
        return await exchangeDatagrams(asker, there, console)
    endpoint = HostnameEndpoint(reactor, command.host, command.port, command.timeout)
    if isinstance(command, TalkOptions):
        return await talk(endpoint, there, console, clock, command.timeout)
    return await exchangeLines(
        endpoint, there, console, clock, command.timeout, command.wire == "line"
    )


async def _operate(reactor: ReactorBase, command: OperatorOptions, console: Console) -> int:
    """Talk as the operator of a server on this machine."""
    there = f"the operator's socket {command.path}"
    if len(os.fsencode(command.path)) > LONGEST_SOCKET_PATH:
        raise ClientError(f"cannot connect to {there}: the path is too long")
    endpoint = UNIXClientEndpoint(reactor, command.path, command.timeout)
    return await talk(endpoint, there, console, reactor, command.timeout)


async def run(reactor: ReactorBase, command: Command, console: Console) -> int:
    """Do what a command asks for, as L{supervise} does."""
    return await supervise(reactor, converse(reactor, command, console), console)


async def supervise(
    reactor: ReactorBase, exchange: Coroutine[Deferred[Any], Any, int], console: Console
) -> int:
    """
    Run an exchange until it is done, fails, is interrupted or nobody reads the
    output any more.
    """
    finished: Deferred[None] = Deferred()
    forced: list[int] = []
    conversation = Deferred.fromCoroutine(exchange)
    abandon = conversation.cancel

    def end(status: int) -> None:
        """
        End at once: neither the conversation nor a reader who does not take
        the last of the output is waited for.
        """
        forced.append(status)
        abandon()

    def interrupted() -> Deferred[None]:
        """The reactor was told to stop."""
        end(INTERRUPTED)
        return finished

    IReactorCore(reactor).addSystemEventTrigger("before", "shutdown", interrupted)
    status, message = 1, ""

    def gone(read: bool) -> None:
        """Nothing more can be written: a reader who has enough is no failure."""
        nonlocal message
        if not read:
            message = "the output cannot be written"
        end(0 if read else 1)

    console.gone.addCallback(gone)
    try:
        status = await conversation
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
        abandon = closing.cancel
        with suppress(CancelledError):
            await closing
        finished.callback(None)
    if message:
        console.complain(message)
    return forced[0] if forced else status
