"""
The exchange of the talk service: text both ways at any time.
"""

from __future__ import annotations

from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from tsservices.client.connection import BackpressuredWriter, ClientError, Connection, connect
from tsservices.client.terminal.console import Console


async def talk(
    endpoint: IStreamClientEndpoint,
    there: str,
    console: Console,
    clock: IReactorTime,
    timeout: float,
) -> int:
    """
    Send each line of the console and print what arrives, until the input ends.

    @param timeout: the longest silence after the end of the input, in seconds.
    @raise ClientError: when there is no connection, or it is lost while there
        is still input.
    """
    connection = await connect(endpoint, there, console.write)
    console.registerProducer(connection)
    outflow = BackpressuredWriter(connection.transport)
    try:
        await connection.during(_sendLines(outflow, console))
        outflow.stop()
        await _listenOn(connection, clock, timeout, console.interactive)
    except ConnectionLost as lost:
        raise ClientError(f"connection to {there} lost: {lost.args[0]}") from lost
    finally:
        console.unregisterProducer()
        outflow.stop()
        connection.transport.loseConnection()
    return 0


async def _sendLines(outflow: BackpressuredWriter, console: Console) -> None:
    """Send lines until there are no more."""
    while (line := await console.readLine()) is not None:
        await outflow.send(line + b"\n")


async def _listenOn(
    connection: Connection, clock: IReactorTime, timeout: float, leave: bool
) -> None:
    """Say that nothing more is sent, and print what still comes."""
    if leave:
        connection.transport.loseConnection()
    else:
        connection.transport.loseWriteConnection()
    while connection.lost is None:
        try:
            await connection.stirring(clock, timeout)
        except TimeoutError:
            return
