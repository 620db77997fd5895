"""
The documentation pages, README.md and docs/*.md, and the code blocks in them.

A block begins with three backticks and its language.  HTML comments directly before a block, which
are not shown to readers, define how the tests treat it:

  - C{<!-- not run: REASON -->}: the block is not run.  The reason begins with one of L{REASONS}.
  - C{<!-- servers: N -->}: the block starts N servers, each line in a process of its own.
  - C{<!-- typed: -->} with one line of input on each further line of the comment: the command
    runs on a terminal, and these lines are typed when the block shows them.
  - C{<!-- screen -->}: the command draws a full screen; the test waits for the lines of the block.
  - C{<!-- bob: TEXT -->}: the second user of the block has sent this before.
  - C{<!-- continued -->}: the block continues the one before it; both are one test.
  - C{<!-- file: NAME -->}: the block is the content of this file, which exists when the other
    blocks of the page run.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: The languages of blocks.  C{text} and C{mermaid} are not tested.
LANGUAGES = ("conf", "console", "json", "mermaid", "python", "sh", "text", "toml")

#: The allowed beginnings of a C{not run} reason.  A new one is an exception, and is added here.
REASONS = (
    "a benchmark",
    "it installs packages",
    "needs Docker",
    "needs root",
    "needs several machines",
    "needs systemd",
    "tests/",
    "these are the tests themselves",
)

_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)

_BLOCK = re.compile(
    r"(?P<comments>(?:^ *<!--(?:(?!-->).|\n)*?-->\n)*)"
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    comments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def comment(self, name: str) -> str | None:
        """Get the text of the comment with this name; L{None} if there is none."""
        for comment in self.comments:
            if comment == name or comment.startswith(f"{name}:"):
                return comment.removeprefix(name).removeprefix(":").strip()
        return None

    @property
    def typed(self) -> list[str]:
        return (self.comment("typed") or "").splitlines()

    @property
    def file(self) -> str | None:
        return self.comment("file")

    @property
    def servers(self) -> int:
        return int(self.comment("servers") or 0)


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocksIn(name: str, page: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(page):
        start = match.start("indent")
        found.append(
            Block(
                name,
                page.count("\n", 0, start) + 1,
                match["language"].strip(),
                textwrap.dedent(match["text"]),
                tuple(_COMMENT.findall(match["comments"])),
            )
        )
    return found


def blocks() -> list[Block]:
    return [
        block
        for page in pages()
        for block in blocksIn(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8"))
    ]


def filesOf(page: str) -> dict[str, str]:
    """Return the files whose content a page shows."""
    found = [block for block in blocks() if block.page == page]
    return {block.file: block.text for block in found if block.file is not None}


#: Text that may differ between a page and a run: dates, times and measured numbers.  A number with
#: four digits or more is a size, a rate, a port of the peer or a process id; one with a decimal
#: point is a duration.  Other numbers, like "2 lines" and "seq=0", have to agree.
_VARIABLE = (
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}",
    r"[A-Z][a-z]+day \d{1,2} [A-Z][a-z]+ \d{4}",
    r"\d\d:\d\d:\d\d",
    r"-?\d+\.\d+(?![\d.])",
    r"\d{4,}",
)

_VARIES = re.compile(
    "|".join([r"(?P<address>\d+\.\d+\.\d+\.\d+)", *(f"({item})" for item in _VARIABLE)])
)


def pattern(line: str) -> re.Pattern[str]:
    """Make a pattern of the lines that a run may show for this line of a page."""
    parts = []
    for text in re.split(r"(\.\.\.)", line.rstrip()):
        if text == "...":
            parts.append(".*")
            continue
        end = 0
        for match in _VARIES.finditer(text):
            parts.append(re.escape(text[end : match.start()]))
            which = (match.lastindex or 1) - 2
            parts.append(re.escape(match[0]) if match["address"] else _VARIABLE[which])
            end = match.end()
        parts.append(re.escape(text[end:]))
    return re.compile("".join(parts))


def difference(expected: list[str], got: list[str]) -> str:
    """Compare a page with a run; a line C{...} of the page stands for any number of lines."""
    position, gap = 0, False
    for line in expected:
        if line.strip() == "...":
            gap = True
            continue
        wanted = pattern(line)
        while gap and position < len(got) and not wanted.fullmatch(got[position].rstrip()):
            position += 1
        if position >= len(got):
            return f"there is no line like {line!r}"
        if not wanted.fullmatch(got[position].rstrip()):
            return f"{got[position]!r} in place of {line!r}"
        position, gap = position + 1, False
    if not gap and position < len(got):
        return f"{got[position]!r} is not in the page"
    return ""
