"""The exchange with the talk service: text in both directions at any time."""

from __future__ import annotations

from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime, ISSLTransport, IStreamClientEndpoint

from tsservices.client.connection import (
    BackpressuredWriter,
    ClientError,
    Connection,
    ExplainedLoss,
    connect,
    lostReason,
)
from tsservices.client.terminal.console import Console


async def talk(
    endpoint: IStreamClientEndpoint,
    server: str,
    console: Console,
    clock: IReactorTime,
    timeout: float,
) -> int:
    """
    Send each line of the console and print received text, until the input ends.

    @param timeout: the longest silence after the end of the input, in seconds.
    @return: the exit status.
    @raise ClientError: the connection is not made, or is lost before the input ends.
    """
    connection = await connect(endpoint, server, console.write)
    console.registerProducer(connection)
    writer = BackpressuredWriter(connection.transport)
    try:
        await connection.runConnected(_sendLines(writer, console))
        writer.stop()
        await _listenOn(connection, clock, timeout, console.interactive)
        failure = connection.lost
        if failure is not None and failure.check(ExplainedLoss) and not console.interactive:
            # A server that closed without sending anything did not close at the end of a talk.
            raise ClientError(f"connection to {server} lost: {lostReason(failure)}")
    except ConnectionLost as lost:
        raise ClientError(f"connection to {server} lost: {lost.args[0]}") from lost
    finally:
        console.unregisterProducer()
        writer.stop()
        connection.transport.loseConnection()
    return 0


async def _sendLines(writer: BackpressuredWriter, console: Console) -> None:
    while (line := await console.readLine()) is not None:
        await writer.send(line + b"\n")


async def _listenOn(
    connection: Connection, clock: IReactorTime, timeout: float, leave: bool
) -> None:
    if leave:
        connection.transport.loseConnection()
    elif not ISSLTransport.providedBy(connection.transport):
        # TLS can't close one direction alone: the transport would close the TCP connection.
        connection.transport.loseWriteConnection()
    while connection.lost is None:
        try:
            await connection.activity(clock, timeout)
        except TimeoutError:
            return
