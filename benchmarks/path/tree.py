"""The text of a tree of calls."""

from __future__ import annotations

from benchmarks.path.trace import Call

# The most calls of a group that is printed once if it repeats.
LONGEST_GROUP = 8


def lines(calls: list[Call], depth: int = 0) -> list[str]:
    """Make the lines of a tree of calls; repeated calls appear once."""
    written = []
    blocks = [_block(call, depth) for call in calls]
    groups = [_block(call, depth + 1) for call in calls]
    start = 0
    while start < len(blocks):
        size, times = _repeated(blocks, start)
        if times > 1 and size > 1:
            written.append(f"{'  ' * depth}x{times}:")
            for block in groups[start : start + size]:
                written += block
        else:
            head, *inner = blocks[start]
            written += [head + (f"  x{times}" if times > 1 else ""), *inner]
        start += size * times
    return written


def _block(call: Call, depth: int) -> list[str]:
    name = f"{call.module}:{call.name}" if call.module else f"-> {call.name}"
    return ["  " * depth + name, *lines(call.inner, depth + 1)]


def _repeated(blocks: list[list[str]], start: int) -> tuple[int, int]:
    # Find the group from start on whose repetitions save most lines; size 1 is a single call.
    best, saved = (1, 1), 0
    for size in range(1, LONGEST_GROUP + 1):
        group = blocks[start : start + size]
        times = 1
        while blocks[start + size * times : start + size * (times + 1)] == group:
            times += 1
        if size * (times - 1) > saved:
            best, saved = (size, times), size * (times - 1)
    return best
