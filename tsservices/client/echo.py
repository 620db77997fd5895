"""The exchange with the two timestamp services over TCP."""

from __future__ import annotations

from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from tsservices.client.connection import (
    MAYBE_TLS,
    ClientError,
    Connection,
    connect,
    inClear,
)
from tsservices.client.terminal.console import Console

#: How many piped lines may be sent and not yet answered: enough to fill a fast network, few enough
#: to limit the buffers of client and server.
LINE_WINDOW = 512


class ReplyCounter:
    """
    Counts the outstanding answers and prints received data.

    @ivar owed: how many lines were sent and are not answered.
    @ivar hadErrors: whether an answer was an error line of the line service.
    """

    def __init__(self, console: Console) -> None:
        self.owed = 0
        self.hadErrors = False
        self._console = console
        self._tail = b"\n"

    def received(self, data: bytes) -> None:
        """Print a chunk of answers."""
        self._console.write(data)
        # Each line sent has one newline, and so has its answer.
        self.owed = max(0, self.owed - data.count(b"\n"))
        seen = self._tail + data
        # The mark of an error line may be split between two chunks.
        self.hadErrors = self.hadErrors or b"\n! " in seen
        self._tail = seen[-2:]


async def exchangeLines(
    endpoint: IStreamClientEndpoint,
    server: str,
    console: Console,
    clock: IReactorTime,
    timeout: float,
    lineService: bool,
) -> int:
    """
    Send each line of the console and print the answers.

    @param timeout: the longest wait for an outstanding answer, in seconds.
    @param lineService: whether the service answers line by line.
    @return: the exit status.
    @raise ClientError: the connection is not made or is lost, or the server is silent.
    """
    # The plain service answers chunks, so two lines that arrive in one chunk get one answer: each
    # line is sent only after the answer to the previous one.
    answers = ReplyCounter(console)
    connection = await connect(endpoint, server, answers.received)
    window = LINE_WINDOW if lineService and not console.interactive else 1
    console.registerProducer(connection)
    try:
        sending = _sendLines(connection, answers, console, clock, timeout, window)
        await connection.runConnected(sending)
    except ConnectionLost as lost:
        raise ClientError(f"connection to {server} lost: {lost.args[0]}") from lost
    except TimeoutError as silent:
        guess = "" if connection.first or not inClear(connection.transport) else f"; {MAYBE_TLS}"
        raise ClientError(f"no answer from {server} within {timeout:g} s{guess}") from silent
    finally:
        console.unregisterProducer()
        connection.transport.loseConnection()
    return 1 if lineService and answers.hadErrors else 0


async def _sendLines(
    connection: Connection,
    answers: ReplyCounter,
    console: Console,
    clock: IReactorTime,
    timeout: float,
    window: int,
) -> None:
    while True:
        line = await console.readLine()
        if line is None or (console.interactive and not line):
            break
        answers.owed += 1
        connection.transport.write(line + b"\n")
        while answers.owed >= window:
            await connection.activity(clock, timeout)
    while answers.owed:
        await connection.activity(clock, timeout)
