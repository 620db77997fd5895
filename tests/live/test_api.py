"""The API of a real server, held against its description by somebody else's reading of OpenAPI."""

from __future__ import annotations

import re
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.live.support.server import ANSWER_SECONDS, Server

#: Requests to each endpoint.  A hundred of them found nothing more.
EXAMPLES = 12

ROOM = "tea"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where the API is, and a token for it."""
    folder = tmp_path_factory.mktemp("api")
    config = folder / "server.toml"
    config.write_text("flood-lines = 0\nflood-bytes = 0\n")
    options = ("--services", "chat,http", "--journal", "memory", "--config", str(config))
    with Server(folder, *options) as server:
        yield f"http://127.0.0.1:{server.address('http').port}/api", tokenOf(server)


def tokenOf(server: Server) -> str:
    lines = ("ann", "/register correct horse", f"/join {ROOM}", "hello", "/token new bot")
    with socket.create_connection(server.address("chat").pair, ANSWER_SECONDS) as member:
        member.sendall("".join(f"{line}\n" for line in lines).encode())
        shown = ""
        while (found := re.search(r"tst_\w+(?=\n)", shown)) is None:
            data = member.recv(4096)
            assert data, shown
            shown += data.decode()
        return found[0]


def operations(schemathesis: Any, base: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    # The answer of a stream does not end; tests/frontends/web/api/test_events.py has it.
    found = [item.ok() for item in schema.get_all_operations()]
    return [item for item in found if item.path != "/events"]


def test_asDescribed(served: tuple[str, str]) -> None:
    base, token = served
    with warnings.catch_warnings():
        # It is not held to our filters.
        warnings.simplefilter("ignore")
        schemathesis: Any = pytest.importorskip("schemathesis")
        # Names of rooms have rules that no schema tells: what is well formed may be refused.
        schemathesis.checks.load_all_checks()
        left = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
        statuses: set[int] = set()
        seen: dict[str, int] = {}
        for operation in operations(schemathesis, base):
            strategy = operation.as_strategy()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(strategy)
            def ask(case: Any) -> None:
                label = case.operation.label
                seen[label] = seen.get(label, 0) + 1
                if "room" in (case.path_parameters or {}) and seen[label] % 2:
                    # Of two requests one is to a room that there is.
                    case.path_parameters["room"] = ROOM
                headers = {"Authorization": f"Bearer {token}"}
                response = case.call(base_url=f"{base}/v1", headers=headers)
                statuses.add(response.status_code)
                case.validate_response(response, excluded_checks=left)

            ask()
    assert len(seen) == 7
    # It was not all refused, nor all found good.
    assert {200, 201, 400, 404} <= statuses


def test_closedToOthers(served: tuple[str, str], tmp_path: Path) -> None:
    base, _ = served
    host, port = base.removeprefix("http://").removesuffix("/api").split(":")
    with socket.create_connection((host, int(port)), ANSWER_SECONDS) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\nX-Forwarded-For: ::1\r\n\r\n")
        assert b" 401 " in client.makefile("rb").readline()
