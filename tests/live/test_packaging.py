"""The wheel that users install, in an environment of its own, away from the checkout."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.support.echo_client import checkAnswers
from tests.live.support.server import Server
from tests.support.examples import onlyThorough

CHECKOUT = Path(__file__).parents[2]

BUILD_SECONDS = 60

#: Bounds; both take a few seconds.
INSTALL_SECONDS = 120

#: Runs a program as root without the right to write what is read-only.
BOUND_ROOT = ["setpriv", "--bounding-set=-dac_override"]

#: How pip says that there is no package index.
UNREACHABLE = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError"
    "|Connection refused|Network is unreachable|Temporary failure in name resolution"
)


def _run(command: list[str], folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)


def _checkoutFiles() -> list[str]:
    if not (CHECKOUT / ".git").exists():
        pytest.skip("this is no checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = _run(command, CHECKOUT, BUILD_SECONDS)
    if done.returncode:
        pytest.skip(f"git does not list the files: {done.stderr}")
    return done.stdout.rstrip("\0").split("\0")


@pytest.fixture(autouse=True)
def withoutCheckout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for name in _checkoutFiles():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # It may have been deleted, and the commit not been made.
        with suppress(FileNotFoundError):
            shutil.copy2(CHECKOUT / name, target)
    # Left over from a run, and not to be shipped.
    (folder / "twisted" / "plugins" / "dropin.cache").write_bytes(b"stale")
    done = _run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."],
        folder,
        BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(sharedFolder: Path, wheel: Path) -> Path:
    place = sharedFolder / "venv"
    # To put a pip there takes longer than all the rest; the one that is here will do.
    bare = ["--without-pip"] if find_spec("pip") else []
    venv = [sys.executable, "-m", "venv", *bare, str(place)]
    subprocess.run(venv, check=True, timeout=BUILD_SECONDS)
    python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python] if bare else [python, "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    done = _run([*pip, "install", *options, str(wheel)], sharedFolder, INSTALL_SECONDS)
    if done.returncode and UNREACHABLE.search(done.stdout + done.stderr):
        pytest.skip(f"the package index can't be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        (entries,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
        assert "tsservices = tsservices.__main__:main" in archive.read(entries).decode()
        assert re.search("^Requires-Dist: twisted>=", archive.read(metadata).decode(), re.M | re.I)
    assert "twisted/plugins/tsserver_plugin.py" in names
    assert {name for name in names if name.startswith("twisted/")} == {
        "twisted/plugins/tsserver_plugin.py"
    }
    assert "tsservices/py.typed" in names
    modules = {str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("tsservices/**/*.py")}
    assert modules <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops - {"tsservices", "twisted"} == {metadata.split("/")[0]}
    assert not [name for name in names if "cache" in name]


@contextmanager
def _readOnly(folder: Path) -> Iterator[None]:
    files = [folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in files if not path.is_symlink()}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@onlyThorough()
def test_readOnly(environment: Path, folder: Path) -> None:
    bound = BOUND_ROOT if os.geteuid() == 0 else []
    if bound and shutil.which(bound[0]) is None:
        pytest.skip("root writes where nobody else can, and there is no setpriv")
    assert not list(environment.rglob("dropin.cache"))
    twistd = [*bound, str(environment / "bin" / "twistd"), "-n", "--pidfile=", "tsserver"]
    with _readOnly(environment):
        plugins = next(environment.glob("lib/python*/site-packages/twisted/plugins"))
        writing = [*bound, "touch", str(plugins / "written")]
        if subprocess.run(writing, capture_output=True, timeout=BUILD_SECONDS).returncode == 0:
            pytest.skip("nothing can be made read-only here")
        with Server(folder, command=twistd, log=folder / "stdout") as server:
            checkAnswers(server)
    assert not list(environment.rglob("dropin.cache"))


@onlyThorough()
@pytest.mark.parametrize(
    "words",
    [["twistd", "-n", "--pidfile=", "tsserver"], ["tsservices"], ["python", "-m", "tsservices"]],
    ids=" ".join,
)
def test_installed(environment: Path, folder: Path, words: list[str]) -> None:
    command = [str(environment / "bin" / words[0]), *words[1:]]
    python = str(environment / "bin" / "python")
    where = [python, "-c", "import tsservices; print(tsservices.__file__)"]
    found = subprocess.check_output(where, cwd=folder, text=True, timeout=BUILD_SECONDS)
    assert found.startswith(str(environment))
    with Server(folder, command=command, log=folder / "stdout") as server:
        checkAnswers(server)


@onlyThorough()
def test_noExtras(environment: Path, folder: Path) -> None:
    twistd = str(environment / "bin" / "twistd")
    done = _run(
        [twistd, "-n", "--pidfile=", "tsserver", "--port", "0", "--listen", "hello=ssl:0"],
        folder,
        BUILD_SECONDS,
    )
    assert done.returncode == 1
    assert "pip install 'tsservices[tls]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
