"""
The picture for the README: the requests/s of each server, one panel for each main cell, as SVG.

It has its own background in both colour schemes, because the scheme of the page around it may
differ from that of the reader's system.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.common.servers import Peer
from benchmarks.echo.cells import Cell
from benchmarks.echo.figures import Row

# All lengths are in units of the SVG picture, which are pixels at its natural size.
WIDTH = 860
MARGIN = 24
COLUMNS = 2
PANEL_GAP = 36
LABEL_WIDTH = 168
VALUE_WIDTH = 62
BAR_HEIGHT = 15
BAR_STEP = 23
PANEL_HEAD = 30
TITLE_HEIGHT = 66
FOOT_HEIGHT = 30

STYLE = """
.ground { fill: #ffffff; stroke: #d0d7de }
text { font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 12px;
  fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.panel { font-weight: 600 }
.faint { fill: #59636e }
.value { font-variant-numeric: tabular-nums }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.spread { stroke: #1f2328; stroke-width: 1.2 }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; stroke: #3d444d }
  text { fill: #f0f6fc }
  .faint { fill: #9198a1 }
  .bar { fill: #656c76 }
  .ours { fill: #4493f8 }
  .spread { stroke: #f0f6fc }
}
"""


def text(x: float, y: float, content: str, classes: str = "", anchor: str = "start") -> str:
    """Make a line of text with its baseline at C{y}."""
    position = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {position} class="{classes}">{escape(content)}</text>'


def short(value: float) -> str:
    """Format a rate with three digits: C{"9.87k"}, C{"98.7k"}, C{"987k"}."""
    if value < 1000:
        return f"{value:.0f}"
    thousands = value / 1000
    places = 2 if thousands < 9.995 else 1 if thousands < 99.95 else 0
    return f"{thousands:.{places}f}k"


def panel(
    x: float, y: float, width: float, cell: Cell, rows: Sequence[Row], titles: dict[str, str]
) -> list[str]:
    """Draw a cell: a bar for the median of each peer, a line from its lowest to highest rate."""
    out = [text(x, y + 14, cell.title, "panel")]
    space = width - LABEL_WIDTH - VALUE_WIDTH
    highest = max(row.highest for row in rows) or 1.0
    for index, row in enumerate(rows):
        rate = row.requestsPerSecond or 0.0
        top = y + PANEL_HEAD + index * BAR_STEP
        middle = top + BAR_HEIGHT / 2
        left = x + LABEL_WIDTH
        kind = "ours" if row.peer == "tsservices" else "bar"
        out.append(text(left - 8, middle + 4, titles[row.peer], "", "end"))
        out.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{rate / highest * space:.1f}" '
            f'height="{BAR_HEIGHT}" rx="2" class="{kind}"/>'
        )
        if row.highest > row.lowest:
            ends = [left + value / highest * space for value in (row.lowest, row.highest)]
            out.append(
                f'<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{middle:.1f}" '
                f'y2="{middle:.1f}" class="spread"/>'
            )
        out.append(text(x + width, middle + 4, short(rate), "value", "end"))
    return out


def picture(rows: Sequence[Row], cells: Sequence[Cell], peers: Sequence[Peer], caption: str) -> str:
    """Make the picture as SVG text."""
    titles = {peer.name: peer.title for peer in peers}
    shown = [
        (cell, own) for cell in cells if (own := [row for row in rows if row.cell == cell.name])
    ]
    width = (WIDTH - 2 * MARGIN - PANEL_GAP * (COLUMNS - 1)) / COLUMNS
    body: list[str] = []
    y: float = TITLE_HEIGHT
    for first in range(0, len(shown), COLUMNS):
        line = shown[first : first + COLUMNS]
        for column, (cell, own) in enumerate(line):
            body += panel(MARGIN + column * (width + PANEL_GAP), y, width, cell, own, titles)
        y += PANEL_HEAD + max(len(own) for _, own in line) * BAR_STEP + 14
    height = y + FOOT_HEIGHT
    rounds = max((row.rounds for row in rows), default=0)
    note = "one round"
    if rounds > 1:
        note = f"median of {rounds} rounds; the thin line runs from the lowest to the highest"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">',
        "<title>Timestamp echo: requests per second by server</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.1f}" rx="8" '
        'class="ground"/>',
        text(MARGIN, 32, "Timestamp echo: requests per second, more is better", "title"),
        text(MARGIN, 50, note, "faint"),
    ]
    foot = [text(MARGIN, height - 16, caption, "faint"), "</svg>"]
    return "\n".join([*head, *body, *foot]) + "\n"
