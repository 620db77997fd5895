"""Where the recorded files are, and how they are read and written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FILES = Path(__file__).with_name("files")


def read(name: str, folder: Path = FILES) -> Any:
    data = (folder / name).read_bytes()
    return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)


def write(folder: Path, name: str, value: Any) -> None:
    text = f"{_lines(value, 0)}\n".encode()
    (folder / name).write_bytes(gzip.compress(text, mtime=0) if name.endswith(".gz") else text)


def _lines(value: Any, depth: int) -> str:
    if depth == 2 or not value or not isinstance(value, list | dict):
        # Halves of surrogate pairs are written as JSON can say them.
        text = json.dumps(value, ensure_ascii=False)
        return text if text.isprintable() else json.dumps(value)
    if isinstance(value, dict):
        rows = [f"{json.dumps(key)}: {_lines(each, depth + 1)}" for key, each in value.items()]
        begin, end = "{}"
    else:
        rows = [_lines(each, depth + 1) for each in value]
        begin, end = "[]"
    inner = " " * (depth + 1)
    return begin + "\n" + ",\n".join(inner + row for row in rows) + "\n" + " " * depth + end
