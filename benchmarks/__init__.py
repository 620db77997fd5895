"""
The benchmarks: the server beside others in one run on one machine, and models of what it can do.

  - C{echo}: the timestamp service beside uvloop, rloop, aiofastnet, asyncio, stock Twisted and a C
    loop, with TLS too.
  - C{history}: figures of these by commit.
  - C{chat}: rooms beside those of two IRC servers and a C loop.
  - C{stamp}: the STAMP reflector beside one in C.
  - C{probe}: the measuring client beside irtt and ping.
  - C{cluster}: a node of a cluster beside a single server.
  - C{path}: the calls of one line and of one datagram.
  - C{scale}, C{scalecosts}: a model of a cluster with very many people, and its costs.
  - C{common}: what several of these share; C{c}: servers and load generators in C.

Run one as C{python -m benchmarks.echo} from the checkout; C{--help} names the options.  Nothing
leaves the loopback interface.

How a figure is measured
========================

Server and generator are pinned to one core each. For each cell, every peer runs once in a round,
on a fresh server process, and the order of the peers turns from round to round. A ratio is
computed inside a round, between neighbours in time, and the median over the rounds is shown: what
disturbs the machine for a minute disturbs both sides. Linux tells how long each side was ready to
run while its core was busy. A sample with more than 5 % of that is repeated up to twice (the
chat: once), and has a flag when that did not help.

All peers of the echo do the same work: C{[<ctime>] } in front of each chunk or datagram, the time's
text made once a second, no Nagle delay.  The generator compares every whole reply with what it
sent.

When the generator is the bottleneck
====================================

Each row shows how busy the generator's core was, from its own CPU clock in the measured time. A
row has a flag where the generator was running or ready to run for more than 95 % of the time (the
chat: 90 %): the requests/s are then a lower bound. Against a bare C loop that is so, as both
sides pay for one C{send} and one C{recv}. The server's CPU time per request stays true. The
generator reads it from the server's own CPU clock (all its threads, nanoseconds) at both ends of
the measured time.

What the chat benchmark measures
================================

Some members of a room send lines of 64 bytes: a window of lines with one write, and the next
window when every other member has all of it. A delivery is one line received by one member. Each
line has its sender and the number of its window, so a line that is lost, doubled, cut or out of
order ends the run. Stalled members join like the others; before the measured time they are sent
more than the kernel takes for them. No peer limits floods. Members acknowledge at once: otherwise
a server with Nagle's algorithm is measured by the delayed acknowledgements of its members.

The bare C loop sends once for each member and read.  It is a lower bound for one sender only: with
more senders, a server that collects what it read in one round of its loop needs fewer sends.
"""

__all__: list[str] = []
