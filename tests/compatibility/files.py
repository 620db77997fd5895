"""Where the recorded files are, and how they are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FILES = Path(__file__).with_name("files")


def read(name: str) -> Any:
    data = (FILES / name).read_bytes()
    return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
