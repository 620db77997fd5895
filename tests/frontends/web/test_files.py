"""How large the page is, and how its modules depend on each other."""

from __future__ import annotations

import gzip
import re
from graphlib import TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath

from tsservices.frontends.web.files import INDEX, TYPES

#: Bytes of the whole page, as browsers get it.
LARGEST_PAGE = 80_000

#: Where the modules begin.
MAIN = "main.js"

PAGE = files("tsservices.frontends.web") / "page"

#: Imports, also those of types in comments.
_IMPORT = re.compile(r"""(?:\bfrom|\bimport) *\(? *"(\.[^"]+)\"""")

_PRELOAD = re.compile(r'<link rel="modulepreload" href="page/([^"]+)">')


def _files(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found |= _files(entry, f"{name}/")
        elif name.endswith(tuple(TYPES)):
            found[name] = entry.read_bytes()
    return found


def _imports() -> dict[str, set[str]]:
    """What each module imports."""
    return {
        name: {
            normpath(join(dirname(name), target)) for target in _IMPORT.findall(content.decode())
        }
        for name, content in _files(PAGE).items()
        if name.endswith(".js")
    }


def _neededBy(module: str, imports: dict[str, set[str]]) -> set[str]:
    needed: set[str] = set()
    waiting = [module]
    while waiting:
        new = imports[waiting.pop()] - needed
        needed |= new
        waiting += new
    return needed


def test_pageIsSmall() -> None:
    sizes = [len(gzip.compress(content, 9)) for content in _files(PAGE).values()]
    assert len(sizes) > 20
    assert sum(sizes) < LARGEST_PAGE


def test_noImportCircles() -> None:
    imports = _imports()
    # A circle is an error here.
    assert set(TopologicalSorter(imports).static_order()) == set(imports)


def test_coreWithoutDocument() -> None:
    """The core knows nothing of what is on the screen."""
    for name, targets in _imports().items():
        if name.startswith("core/"):
            assert {dirname(target) for target in targets} <= {"core"}, name


def test_modulesArePreloaded() -> None:
    """Without that a browser would ask for the imports of a module only after it has read it."""
    preloaded = _PRELOAD.findall((PAGE / INDEX).read_text())
    assert len(preloaded) == len(set(preloaded))
    assert set(preloaded) == _neededBy(MAIN, _imports())
