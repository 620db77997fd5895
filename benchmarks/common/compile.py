"""
The C programs of the benchmarks: compiled on first use, then kept in a cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# The checkout, and the sources of servers and generators in C.
CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "benchmarks" / "c"
# Seconds for the compiler; a program takes about one.
COMPILE_LIMIT = 60
FLAGS = ("-O2", "-Wall")


class CompileError(Exception):
    """The compiler failed, or the cache cannot be used."""


def compiler() -> str | None:
    """Get the path of the C compiler, C{$CC} or one of the usual names; C{None}: there is none."""
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def lacksCompiler() -> str | None:
    """Get the reason why a program in C cannot be compiled here; C{None}: it can."""
    return None if compiler() else "no C compiler"


def compilerVersion() -> str | None:
    """The first line of the compiler's C{--version}."""
    path = compiler()
    if path is None:
        return None
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def compiled(name: str, *extra: str) -> Path | None:
    """
    Compile the source of this name, or find the program in the cache.

    @param extra: More options for the compiler, such as libraries.
    @return: The program, or C{None} without a compiler.
    @raise CompileError: The compiler failed, or other users can write to the cache.
    """
    cc = compiler()
    if cc is None:
        return None
    source = SOURCES / name
    # The name of a program depends on compiler, flags and all sources, so an old one is never used.
    digest = hashlib.sha256(" ".join((cc, *FLAGS, *extra)).encode())
    for text in (source, *sorted(SOURCES.glob("*.h"))):
        digest.update(text.read_bytes())
    program = _cache() / f"{source.stem}-{digest.hexdigest()[:16]}"
    if program.exists():
        return program
    # Renamed when complete, so that two runs at once never start a partial program.
    draft = program.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [cc, *FLAGS, "-o", str(draft), str(source), *extra],
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
    folder = Path(tempfile.gettempdir()) / f"tsservices-benchmarks-{os.getuid()}"
    # Another user can make this folder first, with a program that we would start.
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise CompileError(f"{folder} is writable by others; remove it")
    return folder
