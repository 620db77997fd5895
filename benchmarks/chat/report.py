"""
What the chat benchmark prints and writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.figures import OURS, ChatRow
from benchmarks.chat.measure import ChatSample
from benchmarks.chat.peers import ChatPeer
from benchmarks.common.report import aligned, number, percent

# The peer of ours that is compared with ours, instead of the other way round.
VARIANT = "sqlite"


def milliseconds(value: float | None) -> str:
    """A time in microseconds for a table."""
    return "-" if value is None else number(value / 1e3, 2)


def remarks(row: ChatRow, cell: ChatCell) -> list[str]:
    """What a reader of a row must know."""
    found = list(row.flags)
    if row.cutOff:
        found.append(f"cut off {row.cutOff} of {cell.stalled}")
    return found


def summary(rows: Sequence[ChatRow], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]) -> str:
    """
    One line for each cell: our rate and latency, our rate against that of the others, and
    everyone's CPU time.
    """
    found = {(row.cell, row.peer): row for row in rows}
    others = [peer.name for peer in peers if peer.name not in (OURS, VARIANT)]
    heading = ["cell", f"{OURS}/s", *(f"{OURS}:{name}" for name in others)]
    heading += [f"{VARIANT}:{OURS}", *(f"CPU us {peer.name}" for peer in peers)]
    heading += ["p50 ms", "p99 ms", "notes"]
    lines = [heading]
    for cell in cells:
        present = [row for peer in peers if (row := found.get((cell.name, peer.name)))]
        if not present:
            continue
        ours, variant = found.get((cell.name, OURS)), found.get((cell.name, VARIANT))
        line = [cell.title, number(ours.deliveriesPerSecond if ours else None)]
        for name in others:
            row = found.get((cell.name, name))
            line.append(number(row.oursToThis if row else None, 2))
        line.append(number(variant.thisToOurs if variant else None, 2))
        for peer in peers:
            row = found.get((cell.name, peer.name))
            line.append(number(row.serverCpu if row else None, 2))
        line += [milliseconds(ours.p50 if ours else None), milliseconds(ours.p99 if ours else None)]
        said: dict[str, list[str]] = {}
        for row in present:
            for remark in remarks(row, cell):
                said.setdefault(remark, []).append(row.peer)
        line.append("; ".join(f"{remark}: {', '.join(who)}" for remark, who in said.items()))
        lines.append(line)
    return aligned(lines, texts=1)


def details(rows: Sequence[ChatRow], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]) -> str:
    """One line for each cell and peer."""
    known = {cell.name: cell for cell in cells}
    titles = {peer.name: peer.title for peer in peers}
    heading = f"cell|peer|deliveries/s|CPU us|p50 ms|p99 ms|rate {OURS}:this|CPU {OURS}:this"
    heading += f"|p50 {OURS}:this|server|generator|notes"
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
                percent(row.serverBusy),
                percent(row.generatorBusy),
                ", ".join(remarks(row, known[row.cell])),
            )
        )
    return aligned(lines)


def chatDocument(
    samples: Sequence[ChatSample], rows: Sequence[ChatRow], about: dict[str, object]
) -> dict[str, object]:
    """What C{--json} writes: the run, every row and every sample."""
    return {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "samples": [asdict(sample) for sample in samples],
    }
