"""What the contracts of the import linter cover, so that no module falls out of them unseen."""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import tsservices

ROOT = Path(__file__).parents[1]

with (ROOT / "pyproject.toml").open("rb") as _file:
    CONTRACTS = tomllib.load(_file)["tool"]["importlinter"]["contracts"]

#: Packages in which every module is pure, and the modules in them that are not.
PURE = {
    "tsservices.chat": (),
    "tsservices.cluster": ("tsservices.cluster.nats",),
    "tsservices.common": ("tsservices.common.logs",),
    "tsservices.frontends.formats": (),
    "tsservices.stamp": (),
    "tsservices.storage": (),
}


def modules() -> Iterator[str]:
    # Not iter_modules: that would not look into packages.
    for found in pkgutil.walk_packages(tsservices.__path__, "tsservices."):
        yield found.name


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def covered() -> set[str]:
    (contract,) = [row for row in CONTRACTS if row["name"].startswith("What is pure")]
    return {module for module in modules() if within(module, tuple(contract["source_modules"]))}


def test_pure() -> None:
    wanted = {
        module
        for package, impure in PURE.items()
        for module in modules()
        if within(module, (package,)) and module != package and not within(module, impure)
    }
    assert wanted - covered() == set()
    assert len(covered()) == 267


def test_layers() -> None:
    (contract,) = [row for row in CONTRACTS if row["type"] == "layers"]
    named = [name for row in contract["layers"] for name in row.split(" | ")]
    top = [found.name for found in pkgutil.iter_modules(tsservices.__path__)]
    assert sorted(named) == sorted(top)
