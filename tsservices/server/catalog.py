"""
The services that can be served: those of this suite, those of modules that C{--load} names, and
those that installed packages declare by an entry point.

A package is imported only when one of its services is asked for: an installed package must not
slow down or break a server that does not use it.  Only a name that exists twice is an error at
once, because it is ambiguous.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata

from tsservices.server.registry import BUILTIN
from tsservices.services.api import ServiceSpec

#: The group of the entry points that declare services, each by the name of the service.
GROUP = "tsservices.services"

#: The attribute of a module that C{--load} takes if it names none.
ATTRIBUTE = "service"


class CatalogError(ValueError):
    """A service does not exist, cannot be loaded, or exists twice.  The argument says why."""


class Catalog:
    """The services that one server can serve, by name."""

    def __init__(self, modules: Iterable[str] = ()) -> None:
        """
        @param modules: to load, as C{MODULE} or C{MODULE:ATTRIBUTE}.
        @raise CatalogError: one cannot be loaded, or a name exists twice.
        """
        self._services: dict[str, ServiceSpec] = {row.name: row for row in BUILTIN}
        self._origins = dict.fromkeys(self._services, "tsservices itself")
        self._points: dict[str, metadata.EntryPoint] = {}
        for text in modules:
            service = _loadModule(text)
            self._add(service.name, f"--load {text}")
            self._services[service.name] = service
        for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
            self._add(point.name, _describe(point))
            self._points[point.name] = point

    def _add(self, name: str, origin: str) -> None:
        if name in self._origins:
            raise CatalogError(
                f"there are two services {name}: of {self._origins[name]}, and of {origin}"
            )
        self._origins[name] = origin

    @property
    def names(self) -> list[str]:
        """All names; those of this suite come first, in the order of their ports."""
        return list(self._origins)

    def get(self, name: str) -> ServiceSpec:
        """
        Get a service, and import its package if necessary.

        @raise CatalogError: there is none of this name, or its package cannot be imported.
        """
        if name not in self._origins:
            raise CatalogError(f"there is no service {name!r}; there are {', '.join(self.names)}")
        if name not in self._services:
            self._services[name] = _loadPoint(self._points[name])
        return self._services[name]

    def rows(self) -> Iterator[tuple[str, ServiceSpec | CatalogError]]:
        """List all services, for the help; a service that cannot be loaded is its error."""
        for name in self.names:
            try:
                yield name, self.get(name)
            except CatalogError as reason:
                yield name, reason


def _describe(point: metadata.EntryPoint) -> str:
    package = "" if point.dist is None else f" of {point.dist.name} {point.dist.version}"
    return f"the entry point {point.name} = {point.value}{package}"


def _loadPoint(point: metadata.EntryPoint) -> ServiceSpec:
    service = _load(point, _describe(point))
    if service.name != point.name:
        # Otherwise the service could not be found by its name, or hide another one.
        raise CatalogError(f"{_describe(point)}: its service has another name, {service.name}")
    return service


def _loadModule(text: str) -> ServiceSpec:
    module, colon, attribute = text.partition(":")
    path = f"{module}:{attribute if colon else ATTRIBUTE}"
    if not all(part.isidentifier() for part in re.split("[.:]", path)):
        raise CatalogError(f"load takes MODULE or MODULE:NAME, not {text!r}")
    # The current folder may have been removed.
    with contextlib.suppress(OSError):
        folder = os.getcwd()
        if folder not in sys.path:
            # Installed programs do not search the current folder.  It goes to the end, because a
            # file there must not replace a module of another package.
            sys.path.append(folder)
    return _load(metadata.EntryPoint(text, path, GROUP), f"--load {text}")


def _load(point: metadata.EntryPoint, origin: str) -> ServiceSpec:
    try:
        service = point.load()
    except (Exception, SystemExit) as reason:
        # The text of an error can have many lines; only one is printed.
        text = " ".join(f"{type(reason).__name__}: {reason}".split())
        raise CatalogError(f"{origin} cannot be loaded: {text}") from reason
    if not isinstance(service, ServiceSpec):
        raise CatalogError(f"{origin} is no ServiceSpec, but {type(service).__name__}")
    return service
