"""
A controller for U{irctest <https://github.com/progval/irctest>}, which is not part of the tests:
see docs/irc.md.

Each test gets a server of its own.  The operator that the tests expect is registered at the start.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import sys
import time
from pathlib import Path

from irctest.basecontrollers import BaseServerController, DirectoryBasedController
from irctest.cases import BaseServerTestCase
from irctest.runner import NotImplementedByController
from irctest.specifications import Capabilities, OptionalBehaviors

#: Flood control and the bounds of what may be made at once would only slow the tests down.
CONFIG = """\
irc-name = "My.Little.Server"
irc-network = "Tests"
irc-info = "test server"
chat-operators = ["operuser"]
flood-lines = 0
flood-bytes = 0
rooms-each = 10000
password-shortest = 1
password-longest = 1000
"""

#: Tests that ask for what this server has not, in classes with others that it passes.
SKIPPED = {
    "testReadMarkerPersistsAcrossReconnect": "clients that stay in rooms while they are away",
}

OPERATOR, PASSWORD = "operuser", "operpassword"


class TsservicesController(BaseServerController, DirectoryBasedController):
    software_name = "tsservices"
    supported_sasl_mechanisms = {"PLAIN", "SCRAM-SHA-256"}  # noqa: RUF012
    supports_sts = False
    capabilities = frozenset(
        {
            Capabilities.ACCOUNT_NOTIFY,
            Capabilities.ACCOUNT_TAG,
            Capabilities.AWAY_NOTIFY,
            Capabilities.BATCH,
            Capabilities.ECHO_MESSAGE,
            Capabilities.EXTENDED_JOIN,
            Capabilities.LABELED_RESPONSE,
            Capabilities.MESSAGE_REDACTION,
            Capabilities.MESSAGE_TAGS,
            Capabilities.MULTI_PREFIX,
            Capabilities.SERVER_TIME,
            Capabilities.SETNAME,
            Capabilities.EXTENDED_MONITOR,
            Capabilities.READ_MARKER,
        }
    )
    isupport = {"CASEMAPPING": "ascii", "CHANTYPES": "#", "UTF8ONLY": None}  # noqa: RUF012
    optional_behaviors = frozenset({OptionalBehaviors.CAP_REQ_MINUS})

    def run(
        self,
        hostname: str,
        port: int,
        *,
        password: str | None,
        ssl: bool,
        run_services: bool,
        faketime: str | None,
        websocket_hostname: str | None,
        websocket_port: int | None,
    ) -> None:
        if password is not None:
            raise NotImplementedByController("a password of the server: accounts have theirs")
        if ssl:
            raise NotImplementedByController("TLS")
        if websocket_hostname is not None or websocket_port is not None:
            raise NotImplementedByController("WebSocket")
        test = os.environ.get("PYTEST_CURRENT_TEST", "")
        for name, reason in SKIPPED.items():
            if name in test:
                raise NotImplementedByController(reason)
        config = self.test_config
        if config.account_registration_before_connect:
            raise NotImplementedByController("account-registration=before-connect")
        if config.account_registration_requires_email:
            raise NotImplementedByController("account-registration=email-required")
        _endUnfinished(self)
        self.hostname, self.port = hostname, port
        self.create_config()
        assert self.directory is not None
        with self.open_file("server.toml") as file:
            file.write(CONFIG)
        self._start()

    def _start(self) -> None:
        assert self.directory is not None
        twistd = Path(sys.executable).with_name("twistd")
        self.proc = self.execute(
            [
                *(twistd, "--pidfile=", "-n", "tsserver", "--services", "chat,irc", "--port", "0"),
                *("--listen", f"irc=tcp:{self.port}:interface=127.0.0.1"),
                *("--journal", os.environ.get("IRCTEST_JOURNAL", "memory")),
                *("--state", self.directory / "state", "--config", self.directory / "server.toml"),
            ]
        )
        self._waitForStart(self.directory / "state" / "ports.json")
        self._register(OPERATOR, PASSWORD)
        self.port_open = True

    def _waitForStart(self, path: Path) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.check_is_alive()
            if path.exists() and (rows := json.loads(path.read_text())):
                (self._linePort,) = [row["port"] for row in rows if row["offering"] == "chat"]
                return
            time.sleep(0.02)
        raise TimeoutError("the server has not started")

    def _register(self, name: str, password: str) -> None:
        # By the line frontend, since no line of IRC has room for the longest passwords.
        with socket.create_connection(("127.0.0.1", self._linePort), timeout=10) as connection:
            lines = (f"/nick {name}", f"/register {password}", "/quit")
            connection.sendall("".join(f"{line}\n" for line in lines).encode())
            answer = b""
            while data := connection.recv(65_536):
                answer += data
        if b"belongs to you" not in answer:
            raise RuntimeError(answer.decode())

    def wait_for_services(self) -> None:
        """There are none to wait for: accounts are the server's own."""

    def registerUser(
        self, case: BaseServerTestCase, username: str, password: str | None = None
    ) -> None:
        assert password is not None
        self._register(username, password)


#: Controllers whose server may be running still.
_running: list[TsservicesController] = []


def _endUnfinished(new: TsservicesController | None = None) -> None:
    # The suite does not end the server of a test that skips itself before it has begun.
    while _running:
        controller = _running.pop()
        if controller.proc is not None and controller is not new:
            controller.kill()
    if new is not None:
        _running.append(new)


atexit.register(_endUnfinished)


def get_irctest_controller_class() -> type[TsservicesController]:
    return TsservicesController
