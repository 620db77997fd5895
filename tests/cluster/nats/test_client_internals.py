"""Tests for L{tsservices.cluster.nats.client_internals}: the private names still exist."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra cluster is not installed")

from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from tsservices.cluster import nats as package
from tsservices.cluster.nats import client_internals


def test_version() -> None:
    assert importlib.metadata.version("nats-py").startswith(f"{client_internals.VERSION}.")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("_process_info", ["self", "info", "initial_connection"]),
        ("_close", ["self", "status", "do_cbs"]),
    ],
)
def test_overridden(name: str, parameters: list[str]) -> None:
    method = getattr(Client, name)
    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) == parameters


async def test_attributes() -> None:
    assert hasattr(Client(), "_transport")
    transport = TcpTransport()
    assert hasattr(transport, "_io_writer")
    assert hasattr(transport, "_bare_io_writer")


def test_noOthers() -> None:
    for path in Path(next(iter(package.__path__))).glob("*.py"):
        if path.name == "client_internals.py":
            continue
        text = path.read_text("utf-8")
        foreign = set(re.findall(r"(?<!\bself)(?<!\bcls)\.(_[a-z]\w*)", text))
        assert not foreign, path.name
