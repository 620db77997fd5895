"""
The command: C{python -m benchmarks.history RUN.json...}.

Figures of this project by commit, as ratios to a server that stays the same: C{docs/history.csv},
and C{docs/history.svg} drawn from it.  Figures of two days, or of two machines, cannot be compared;
the ratios to uvloop (for rooms, to the C loop) of the same run can, roughly.

Without a run, the picture is drawn again.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.common.compile import CHECKOUT
from benchmarks.echo.picture import STYLE, text

FILE = CHECKOUT / "docs" / "history.csv"
PICTURE = FILE.with_suffix(".svg")

#: The cells in the history, with their titles; other cells of a run are left out.
CELLS = {
    "tcp-64c-64b": "TCP, 64 connections, 64 B",
    "udp-64f-64b": "UDP, 64 in flight, 64 B",
    "pipelined-64c-4096b": "TCP, 64 x 32 deep, 4096 B",
    "tls-64c-64b": "TLS, 64 connections, 64 B",
    "20m-1w-1s": "a room of 20, one sender",
    "200m-1w-1s": "a room of 200, one sender",
}
# Our peer and its reference, in echo runs and in chat runs.
_PAIRS = (("tsservices", "uvloop"), ("memory", "fanout"))

# In units of the SVG picture.
WIDTH = 860
MARGIN = 24
COLUMNS = 2
PANEL_GAP = 36
PANEL_HEIGHT = 150
PLOT_HEIGHT = 84
PANEL_HEAD = 26
AXIS_WIDTH = 34
TITLE_HEIGHT = 66


@dataclass(frozen=True)
class Entry:
    """
    One cell at one commit.

    @ivar date: The date of the commit, as C{2026-11-30}.
    @ivar reference: The peer of the same run to compare with.
    @ivar rate: Requests or deliveries in a second, divided by those of the reference; the median of
        the ratios within a round.
    @ivar cpu: Processor time for a request or delivery, divided by that of the reference.
    """

    commit: str
    date: str
    cell: str
    reference: str
    rate: float
    cpu: float


def entriesOf(document: dict[str, Any], commit: str, date: str) -> list[Entry]:
    """
    Make the entries of a run.

    @param document: The JSON document of the benchmark's C{--json}.
    @raise ValueError: The document has another form, or no cell has both peers.
    """
    try:
        samples = [
            (row["cell"], row["peer"], row["turn"], row["load"]) for row in document["samples"]
        ]
        loads = {(cell, peer, turn): load for cell, peer, turn, load in samples}
        entries = []
        for cell in CELLS:
            for ours, reference in _PAIRS:
                ratios = [
                    _ratios(loads[cell, ours, turn], loads[cell, reference, turn])
                    for turn in sorted({turn for _, _, turn, _ in samples})
                    if (cell, ours, turn) in loads and (cell, reference, turn) in loads
                ]
                if ratios:
                    rate, cpu = (round(median(values), 3) for values in zip(*ratios, strict=True))
                    entries.append(Entry(commit, date, cell, reference, rate, cpu))
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"not what --json of a benchmark writes: {error!r}") from error
    if not entries:
        raise ValueError(f"no cell of {', '.join(CELLS)} with one of our peers and its reference")
    return entries


def _ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[float, float]:
    def rate(load: dict[str, Any]) -> float:
        return float(load.get("requests") or load["deliveries"]) / float(load["seconds"])

    def cpu(load: dict[str, Any]) -> float:
        return float(load["serverCpuSeconds"]) / float(load.get("requests") or load["deliveries"])

    return rate(ours) / rate(theirs), cpu(ours) / cpu(theirs)


def read(path: Path) -> list[Entry]:
    """
    Read all entries of a file; none if there is no file.

    @raise ValueError: The file is no history; the text has the number of the line.
    """
    if not path.exists():
        return []
    with path.open(newline="") as opened:
        rows = csv.DictReader(opened)
        entries = []
        for row in rows:
            try:
                figures = {name: float(row.pop(name)) for name in ("rate", "cpu")}
                entries.append(Entry(**row, **figures))  # type: ignore[arg-type]
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {rows.line_num}: {error}") from error
    return entries


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write a file with these entries."""
    draft = path.with_suffix(".draft")
    with draft.open("w", newline="") as opened:
        rows = csv.DictWriter(opened, [field.name for field in fields(Entry)], lineterminator="\n")
        rows.writeheader()
        rows.writerows(map(asdict, entries))
    draft.replace(path)


def merged(entries: Sequence[Entry], added: Sequence[Entry]) -> list[Entry]:
    """Merge entries; a cell measured again at the same commit replaces the old entry."""
    again = {(entry.commit, entry.cell) for entry in added}
    kept = [entry for entry in entries if (entry.commit, entry.cell) not in again]
    return kept + list(added)


def picture(entries: Sequence[Entry]) -> str:
    """
    Draw a panel for each cell, with a point for each commit in the order of the file, as SVG text.

    The points are ratios of processor time, the steadier figure: less is better, and the horizontal
    line at 1 is the reference.
    """
    shown = [(cell, own) for cell in CELLS if (own := [e for e in entries if e.cell == cell])]
    lines = -(-len(shown) // COLUMNS)
    height = TITLE_HEIGHT + lines * PANEL_HEIGHT + 10
    width = (WIDTH - 2 * MARGIN - PANEL_GAP * (COLUMNS - 1)) / COLUMNS
    body = []
    for index, (cell, own) in enumerate(shown):
        x = MARGIN + index % COLUMNS * (width + PANEL_GAP)
        body += _panel(x, TITLE_HEIGHT + index // COLUMNS * PANEL_HEIGHT, width, CELLS[cell], own)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        "<title>Processor time by commit</title>",
        f"<style>{STYLE}.line {{ fill: none; stroke: #0969da; stroke-width: 2 }}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="ground"/>',
        text(MARGIN, 32, "Processor time by commit, less is better", "title"),
        text(MARGIN, 50, "ratio to the reference in the same run, which is the line at 1", "faint"),
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _panel(x: float, y: float, width: float, title: str, entries: Sequence[Entry]) -> list[str]:
    top, left, right = y + PANEL_HEAD, x + AXIS_WIDTH, x + width - 8
    highest = max(1.0, *(entry.cpu for entry in entries)) * 1.15
    step = (right - left) / max(1, len(entries) - 1)

    def at(value: float) -> float:
        return top + PLOT_HEIGHT * (1 - value / highest)

    points = [(left + index * step, at(entry.cpu)) for index, entry in enumerate(entries)]
    joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    out = [
        text(x, y + 14, f"{title} : {entries[-1].reference}", "panel"),
        *(text(left - 8, at(value) + 4, f"{value:g}", "faint", "end") for value in (0, 1)),
        *(
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{at(value):.1f}" y2="{at(value):.1f}" '
            'class="spread"/>'
            for value in (0, 1)
        ),
        f'<polyline points="{joined}" class="line"/>',
    ]
    for (a, b), entry in zip(points, entries, strict=True):
        anchor = "end" if a > right - 1 and len(entries) > 1 else "middle" if a > left else "start"
        out.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" class="ours"/>')
        out.append(text(a, b - 8, f"{entry.cpu:.2f}", "value", anchor))
        out.append(text(a, top + PLOT_HEIGHT + 16, entry.commit, "faint", anchor))
    return out


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    command = argparse.ArgumentParser("python -m benchmarks.history", description=__doc__)
    command.add_argument("runs", nargs="*", type=Path, metavar="RUN.json", help="from --json")
    command.add_argument("--commit", default="HEAD", help="what was measured (HEAD)")
    command.add_argument("--file", type=Path, default=FILE, help="the history")
    command.add_argument("--picture", type=Path, default=PICTURE, help="the drawing of it")
    options = command.parse_args(arguments)
    try:
        entries = read(options.file)
        for run in options.runs:
            commit, date = _git("show", "-s", "--format=%h %cs", options.commit).split()
            found = entriesOf(json.loads(run.read_text()), commit, date)
            entries = merged(entries, found)
            print(f"{run}: {len(found)} cells of {commit}")
        if options.runs:
            write(options.file, entries)
        options.picture.write_text(picture(entries))
    except (OSError, ValueError) as error:
        command.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
