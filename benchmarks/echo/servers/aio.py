"""
The timestamp echo as asyncio protocols, on asyncio's own loop or on uvloop.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from benchmarks.echo.servers.shared import LatenessRecord, Stamp, serverParser, writePorts


class Echo(asyncio.Protocol):
    """Puts the stamp in front of each chunk."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio and uvloop switch Nagle's delay off by themselves.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(Stamp.text + data)


class EchoDatagrams(asyncio.DatagramProtocol):
    """Puts the stamp in front of each datagram."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(Stamp.text + data, addr)


async def serve(state: Path, lateness: bool) -> None:
    """Listen, write the ports, and run until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)

    def refresh() -> None:
        Stamp.refresh()
        loop.call_later(1, refresh)

    refresh()
    streams = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    datagrams, _ = await loop.create_datagram_endpoint(EchoDatagrams, ("127.0.0.1", 0))
    record = LatenessRecord(time.monotonic)

    def tick() -> None:
        record.fired()
        loop.call_later(record.arm(), tick)

    if lateness:
        loop.call_later(record.arm(), tick)
    tcpPort = streams.sockets[0].getsockname()[1]
    writePorts(state, tcpPort, datagrams.get_extra_info("sockname")[1])
    await stopped.wait()
    if lateness:
        record.write(state)


def settleMemory() -> None:
    """Let the C library keep large blocks on its heap."""
    # asyncio asks for 256 KiB at each receive.  In glibc a process that has never freed a block
    # above 128 KiB pays for that with mmap, mremap, munmap and a page fault each time: a reply cost
    # three times as much here.  A program of some size has long freed such a block.
    block = bytes(4 * 1024 * 1024)
    del block


def main() -> None:
    """Run with the options of the command line."""
    parser = serverParser()
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    settleMemory()
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if options.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.state, options.lateness))


if __name__ == "__main__":
    main()
