"""
The output of the chat benchmark: one line for each cell, and one for each server in each cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.figures import OURS, ChatRow
from benchmarks.chat.peers import ChatPeer
from benchmarks.common.tables import aligned, number, percent

# Our second peer.  Its ratio is VARIANT to OURS; for other peers it is OURS to the peer.
VARIANT = "sqlite"


def milliseconds(value: float | None) -> str:
    """Format microseconds as milliseconds for a table."""
    return "-" if value is None else number(value / 1e3, 2)


def remarks(row: ChatRow, cell: ChatCell) -> list[str]:
    """Get the flags of a row, and the number of members that the server disconnected."""
    texts = list(row.flags)
    if row.cutOff:
        texts.append(f"cut off {row.cutOff} of {cell.stalled}")
    return texts


def summary(rows: Sequence[ChatRow], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]) -> str:
    """Make a line for each cell: our rate and latency, the ratios, the CPU time of each peer."""
    byCellAndPeer = {(row.cell, row.peer): row for row in rows}
    foreign = [peer.name for peer in peers if peer.name not in (OURS, VARIANT)]
    heading = ["cell", f"{OURS}/s", *(f"{OURS}:{name}" for name in foreign)]
    heading += [f"{VARIANT}:{OURS}", *(f"CPU us {peer.name}" for peer in peers)]
    heading += ["p50 ms", "p99 ms", "notes"]
    lines = [heading]
    for cell in cells:
        present = [row for peer in peers if (row := byCellAndPeer.get((cell.name, peer.name)))]
        if not present:
            continue
        ours, variant = (
            byCellAndPeer.get((cell.name, OURS)),
            byCellAndPeer.get((cell.name, VARIANT)),
        )
        line = [cell.title, number(ours.deliveriesPerSecond if ours else None)]
        for name in foreign:
            row = byCellAndPeer.get((cell.name, name))
            line.append(number(row.oursToThis if row else None, 2))
        line.append(number(variant.thisToOurs if variant else None, 2))
        for peer in peers:
            row = byCellAndPeer.get((cell.name, peer.name))
            line.append(number(row.serverCpu if row else None, 2))
        line += [milliseconds(ours.p50 if ours else None), milliseconds(ours.p99 if ours else None)]
        peersOf: dict[str, list[str]] = {}
        for row in present:
            for remark in remarks(row, cell):
                peersOf.setdefault(remark, []).append(row.peer)
        line.append("; ".join(f"{remark}: {', '.join(names)}" for remark, names in peersOf.items()))
        lines.append(line)
    return aligned(lines, texts=1)


def details(rows: Sequence[ChatRow], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]) -> str:
    """Make a line for each cell and peer."""
    known = {cell.name: cell for cell in cells}
    titles = {peer.name: peer.title for peer in peers}
    heading = f"cell|peer|deliveries/s|CPU us|p50 ms|p99 ms|rate {OURS}:this|CPU {OURS}:this"
    heading += f"|p50 {OURS}:this|joins CPU s|joins CPU this:{OURS}|server|generator|notes"
    lines: list[Sequence[str]] = [heading.split("|")]
    for row in rows:
        lines.append(
            (
                known[row.cell].title,
                titles[row.peer],
                number(row.deliveriesPerSecond),
                number(row.serverCpu, 2),
                milliseconds(row.p50),
                milliseconds(row.p99),
                number(row.oursToThis, 2),
                number(row.cpuOursToThis, 2),
                number(row.p50OursToThis, 2),
                number(row.joinCpu, 2),
                number(row.joinCpuThisToOurs, 2),
                percent(row.serverBusy),
                percent(row.generatorBusy),
                ", ".join(remarks(row, known[row.cell])),
            )
        )
    return aligned(lines)
