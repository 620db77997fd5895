"""
What a reader must know of the machine to judge a figure.
"""

from __future__ import annotations

import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path

from benchmarks.common.compile import compilerVersion


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def version(distribution: str) -> str | None:
    """The installed version, or C{None}."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def temporaryFilesystem() -> str | None:
    """
    The kind of filesystem that temporary files are on, C{"tmpfs"} when they stay in memory, or
    C{None} where the system does not tell.
    """
    folder = Path(tempfile.gettempdir()).resolve()
    kinds = {}
    try:
        for line in Path("/proc/mounts").read_text().splitlines():
            _, place, kind, *_ = line.split()
            kinds[Path(place)] = kind
    except (OSError, ValueError):
        return None
    return next((kinds[each] for each in (folder, *folder.parents) if each in kinds), None)


def machine() -> dict[str, object]:
    """
    Processor, system and versions; C{load} is the load average at this moment: above 0.5 somebody
    else was at work.
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "twisted": version("twisted"),
        "uvloop": version("uvloop"),
        "tsservices": version("tsservices"),
        "compiler": compilerVersion(),
        "load": os.getloadavg()[0],
    }


def described(about: dict[str, object]) -> str:
    """The same in one line."""
    parts = [f"{about['processor']}, {about['cores']} cores", str(about["system"])]
    parts += [str(about["python"]), f"Twisted {about['twisted']}"]
    if about["uvloop"]:
        parts.append(f"uvloop {about['uvloop']}")
    return "; ".join(parts)
