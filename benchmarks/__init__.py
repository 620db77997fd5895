"""
The benchmarks: the timestamp service and the chat beside their peers, in one run on one machine.

Run C{python -m benchmarks.echo} or C{python -m benchmarks.chat} from the checkout; C{--help} names
the options.  Nothing leaves the loopback interface.

How a figure comes about
========================

Server and generator are pinned to a core each.  For each cell
every peer (L{benchmarks.echo.peers}, L{benchmarks.chat.peers}) runs once in a
round, on a fresh server process, and the order of the peers turns from round to round.  A ratio is
computed inside a round, between neighbours in time, and the median over the rounds is shown: what
disturbs the machine for a minute disturbs both sides.  Linux tells how long each side was ready to
run while its core was taken; a sample above 5 % is taken again up to twice (the chat: once), and
flagged when that did not help.

All peers of the echo do the same work: C{[<ctime>] } in front of each chunk or datagram, the time's
text made once a second, no Nagle delay.  The generator compares every whole reply with what it
sent.

How one knows that the generator is not the bottleneck
======================================================

Each row shows how busy the generator's core was, from its own CPU clock over the very window it
measured, and a row is flagged where it ran, or would have run had it had its core, for more than
95 % of the time (the chat: 90 %): the requests/s are then a lower bound.  Against a bare C loop
that is so, as both sides pay for one C{send} and one C{recv}.  The figure that stays true is the
server's CPU time per request, which the generator reads from the server's own CPU clock (all its
threads, nanoseconds) at both ends of the window.

What the chat benchmark asks
============================

A room of members, some of whom say lines of 64 bytes: a window with one write, and the next when
every other member has all of it.  A delivery is one line received by one member.  Each line tells
its sender and its window, so a line that is lost, doubled, cut or out of order ends the run.  Those
who never read have come in like the others; before the stretch begins they are sent more than the
kernel takes for them.  No peer keeps its bounds on floods.  Members acknowledge at once: otherwise
a server that leaves Nagle's algorithm on is measured by its members' delayed acknowledgements.

The bare C loop sends once for each member and read.  It is a floor for one sender only: with more
of them, a server that puts together what it heard in one round of its loop needs fewer sends.
"""

__all__: list[str] = []
