"""
The echo benchmark: the timestamp service beside its peers, in one run on one machine.

Run C{python -m benchmarks.echo} from the checkout; C{--help} names the options.  Nothing leaves
the loopback interface.

How a figure comes about
========================

Server and generator are pinned to a core each.  For each cell (L{benchmarks.cells}) every peer
(L{benchmarks.peers}) runs once in a round, on a fresh server process, and the order of the peers
turns from round to round.  A ratio is computed inside a round, between neighbours in time, and the
median over the rounds is shown: what disturbs the machine for a minute disturbs both sides.  Linux
tells how long each side was ready to run while its core was taken; a sample above 5 % is taken
again up to twice, and flagged when that did not help.

All peers do the same work: C{[<ctime>] } in front of each chunk or datagram, the time's text made
once a second, no Nagle delay.  The generator compares every whole reply with what it sent.

How one knows that the generator is not the bottleneck
======================================================

Each row shows how busy the generator's core was, from its own CPU clock over the very window it
measured, and a row is flagged where it ran, or would have run had it had its core, for more than
95 % of the time: the requests/s are then a lower bound.  Against a bare C
loop that is so, as both sides pay for one C{send} and one C{recv}.  The figure that stays true is
the server's CPU time per request, which the generator reads from the server's own CPU clock (all
its threads, nanoseconds) at both ends of the window.
"""

__all__: list[str] = []
