"""
The exchange with the timestamp services over TCP.
"""

from __future__ import annotations

from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from tsservices.client.connection import ClientError, Connection, connect
from tsservices.client.terminal.console import Console

#: How many piped lines may be on their way without an answer. It fills a fast network, and bounds
#: what both sides hold.
LINE_WINDOW = 512


class ReplyCounter:
    """
    Counts the answers that are owed and prints what arrives.

    @ivar owed: how many lines have been sent and not been answered yet.
    @ivar refused: whether an answer was an error line of the line service.
    """

    def __init__(self, console: Console) -> None:
        """Start owing nothing."""
        self.owed = 0
        self.refused = False
        self._console = console
        self._tail = b"\n"

    def received(self, data: bytes) -> None:
        """Print a chunk of answers."""
        self._console.write(data)
        # What is sent has one newline at its end, and so has its answer.
        self.owed = max(0, self.owed - data.count(b"\n"))
        seen = self._tail + data
        self.refused = self.refused or b"\n! " in seen
        self._tail = seen[-2:]


async def exchangeLines(
    endpoint: IStreamClientEndpoint,
    there: str,
    console: Console,
    clock: IReactorTime,
    timeout: float,
    lineService: bool,
) -> int:
    """
    Send each line of the console and print the answers.

    The plain service answers chunks, so there each line waits for the answer
    to the one before: only then can no two be merged into one chunk. The line
    service needs no such care, and piped lines follow each other at once.

    @param timeout: the longest silence of a server that owes an answer, in
        seconds.
    @raise ClientError: when there is no connection, it is lost, or the server
        is silent.
    """
    answers = ReplyCounter(console)
    connection = await connect(endpoint, there, answers.received)
    window = LINE_WINDOW if lineService and not console.interactive else 1
    console.registerProducer(connection)
    try:
        await connection.during(_sendLines(connection, answers, console, clock, timeout, window))
    except ConnectionLost as lost:
        raise ClientError(f"connection to {there} lost: {lost.args[0]}") from lost
    except TimeoutError as silent:
        raise ClientError(f"no answer from {there} within {timeout:g} s") from silent
    finally:
        console.unregisterProducer()
        connection.transport.loseConnection()
    return 1 if lineService and answers.refused else 0


async def _sendLines(
    connection: Connection,
    answers: ReplyCounter,
    console: Console,
    clock: IReactorTime,
    timeout: float,
    window: int,
) -> None:
    """Send lines until there are no more and all are answered."""
    while True:
        line = await console.readLine()
        if line is None or (console.interactive and not line):
            break
        answers.owed += 1
        connection.transport.write(line + b"\n")
        while answers.owed >= window:
            await connection.stirring(clock, timeout)
    while answers.owed:
        await connection.stirring(clock, timeout)
