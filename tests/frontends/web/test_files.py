"""How large the page is."""

from __future__ import annotations

import gzip
from importlib.resources import files
from importlib.resources.abc import Traversable

from tsservices.frontends.web.files import TYPES

#: Bytes of the whole page, as browsers get it.
LARGEST_PAGE = 80_000


def _sizes(folder: Traversable) -> list[int]:
    sizes = []
    for entry in folder.iterdir():
        if entry.is_dir():
            sizes += _sizes(entry)
        elif entry.name.endswith(tuple(TYPES)):
            sizes.append(len(gzip.compress(entry.read_bytes(), 9)))
    return sizes


def test_pageIsSmall() -> None:
    sizes = _sizes(files("tsservices.frontends.web") / "page")
    assert len(sizes) > 20
    assert sum(sizes) < LARGEST_PAGE
