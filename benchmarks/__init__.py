"""
The benchmarks: the server compared with others in one run on one machine, and models of its limits.

  - C{echo}: the timestamp service compared with uvloop, rloop, aiofastnet, asyncio, stock Twisted
    and a C loop, also with TLS.
  - C{history}: these figures by commit.
  - C{chat}: rooms compared with those of two IRC servers and a C loop.
  - C{stamp}: the STAMP reflector compared with one in C.
  - C{probe}: the measuring client compared with irtt and ping.
  - C{cluster}: a node of a cluster compared with a single server.
  - C{path}: the Python calls for one line and for one datagram.
  - C{scale}, C{scalecosts}: a model of a cluster with very many users, and its costs.
  - C{common}: shared modules; C{c}: servers and load generators in C.

Run one as C{python -m benchmarks.echo} from the checkout; C{--help} names the options.  Nothing
leaves the loopback interface.

How a figure is measured
========================

Server and generator are pinned to one core each. For each cell, every peer runs once in a round,
on a fresh server process, and the order of the peers rotates from round to round. A ratio is
computed inside a round, between neighbours in time, and the median over the rounds is shown: a
disturbance of a minute affects both sides. Linux reports how long each side was ready to run while
its core was busy. A sample with more than 5 % of that is repeated up to twice (the chat: once),
and has a flag if that did not help.

All peers of the echo do the same work: C{[<ctime>] } in front of each chunk or datagram, the text
of the time made once a second, no Nagle delay.  The generator compares each complete reply with
its request.

When the generator is the bottleneck
====================================

Each row shows how busy the generator's core was, from its own CPU clock in the measured time. A
row has a flag if the generator was running or ready to run for more than 95 % of the time (the
chat: 90 %): then the requests/s are a lower bound. This is the case with a bare C loop, because
both sides need one C{send} and one C{recv}. The server's CPU time per request is still correct.
The generator reads it from the server's own CPU clock (all its threads, nanoseconds) at both ends
of the measured time.

What the chat benchmark measures
================================

Some members of a room send lines of 64 bytes: a window of lines in one write, and the next window
when every other member has received all of it. A delivery is one line received by one member. Each
line has its sender and the number of its window, so the run ends at a line that is lost, doubled,
cut or out of order. Stalled members join like the others; before the measured time they are sent
more than the kernel buffers for them. No peer limits floods. Members send TCP acknowledgements at
once: otherwise delayed acknowledgements would slow down a server with Nagle's algorithm.

The bare C loop sends once for each member and read.  It is a lower bound for one sender only: with
more senders, a server that collects the lines of one iteration of its loop needs fewer sends.
"""

__all__: list[str] = []
