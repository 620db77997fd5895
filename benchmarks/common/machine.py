"""
The machine of a run, which a reader must know to judge a figure.
"""

from __future__ import annotations

import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path

from benchmarks.common.compile import compilerVersion


def processor() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def version(distribution: str) -> str | None:
    """The installed version of a distribution, or C{None}."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def temporaryFilesystem() -> str | None:
    """
    Get the type of the filesystem of temporary files, C{"tmpfs"} if they are in memory; C{None} if
    the system does not report it.
    """
    folder = Path(tempfile.gettempdir()).resolve()
    types = {}
    try:
        for line in Path("/proc/mounts").read_text().splitlines():
            _, mount, kind, *_ = line.split()
            types[Path(mount)] = kind
    except (OSError, ValueError):
        return None
    return next((types[parent] for parent in (folder, *folder.parents) if parent in types), None)


def cpuSeconds(process: int) -> float:
    """
    Get the processor time of a process, all its threads, to a hundredth of a second.

    @raise OSError: The process has ended.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks: int = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, object]:
    """Processor, system and versions, and the load average at this moment."""
    # A load average above 0.5 before a run means that another program was running.
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
    """Format the result of L{machine} in one line."""
    parts = [f"{about['processor']}, {about['cores']} cores", str(about["system"])]
    parts += [str(about["python"]), f"Twisted {about['twisted']}"]
    if about["uvloop"]:
        parts.append(f"uvloop {about['uvloop']}")
    return "; ".join(parts)
