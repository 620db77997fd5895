"""
Compiling the C sources on first use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# The checkout, and the sources of peers and generators in C.
CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "benchmarks" / "c"
# Seconds; either file takes about one.
COMPILE_LIMIT = 60
FLAGS = ("-O2", "-Wall")


class CompileError(Exception):
    """There is a compiler, and it refused the source or the place for its output."""


def compiler() -> str | None:
    """
    The path of the C compiler: C{$CC}, or the first of the usual names; C{None} when there is none.
    """
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def compilerVersion() -> str | None:
    """The first line of what the compiler says of itself."""
    path = compiler()
    if path is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.partition("\n")[0]


def compiled(name: str) -> Path | None:
    """
    The program made from the source of that name, compiled now unless the same text was
    compiled before.

    @return: The program, or C{None} without a compiler.
    @raise CompileError: The compiler failed, or the cache belongs to somebody else.
    """
    cc = compiler()
    if cc is None:
        return None
    source = SOURCES / name
    digest = hashlib.sha256(" ".join((cc, *FLAGS)).encode())
    for text in (source, *sorted(SOURCES.glob("*.h"))):
        digest.update(text.read_bytes())
    program = _cache() / f"{source.stem}-{digest.hexdigest()[:16]}"
    if program.exists():
        return program
    # Compiled aside and renamed, so two runs at once never start half a program.
    draft = program.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [cc, *FLAGS, "-o", str(draft), str(source)],
        capture_output=True,
        text=True,
        timeout=COMPILE_LIMIT,
        check=False,
    )
    if done.returncode:
        raise CompileError(f"{cc} failed on {source.name}:\n{done.stderr}")
    draft.replace(program)
    return program


def _cache() -> Path:
    """The folder of compiled programs below the system's temporary one."""
    folder = Path(tempfile.gettempdir()) / f"tsservices-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise CompileError(f"{folder} is writable by others; remove it")
    return folder
