"""
The timestamp echo as asyncio protocols: on asyncio's loop, uvloop or rloop, with the transports of
the loop or those of aiofastnet.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import ssl
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from benchmarks.echo.servers.shared import LatenessRecord, Stamp, serverParser, writePorts


class Echo(asyncio.Protocol):
    """Puts the stamp in front of each chunk."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio and uvloop disable Nagle's algorithm by default.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(Stamp.text + data)


class EchoDatagrams(asyncio.DatagramProtocol):
    """Puts the stamp in front of each datagram."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(Stamp.text + data, addr)


async def serve(state: Path, lateness: bool, certificate: Path | None, fastNetwork: bool) -> None:
    """Listen, write the ports, and run until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)

    def refresh() -> None:
        Stamp.refresh()
        loop.call_later(1, refresh)

    refresh()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    createServer, createDatagrams = loop.create_server, loop.create_datagram_endpoint
    if fastNetwork:
        import aiofastnet

        createServer = partial(aiofastnet.create_server, loop)
        createDatagrams = partial(aiofastnet.create_datagram_endpoint, loop)
    streams = await createServer(Echo, "127.0.0.1", 0, backlog=4096, ssl=context)
    datagrams, _ = await createDatagrams(EchoDatagrams, ("127.0.0.1", 0))
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
    # asyncio allocates 256 KiB for each receive.  In glibc, until a process has freed a block above
    # 128 KiB once, each costs mmap, mremap, munmap and a page fault: a reply cost three times as
    # much here.  Larger programs have always freed such a block already.
    block = bytes(4 * 1024 * 1024)
    del block


def main() -> None:
    """Run with the options of the command line."""
    parser = serverParser()
    parser.add_argument("--loop", choices=("asyncio", "uvloop", "rloop"), default="asyncio")
    parser.add_argument("--aiofastnet", action="store_true", help="its transports")
    options = parser.parse_args()
    settleMemory()
    factory: Callable[[], asyncio.AbstractEventLoop]
    factory = importlib.import_module(options.loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.state, options.lateness, options.certificate, options.aiofastnet))


if __name__ == "__main__":
    main()
