"""
A client that writes its processor time at two moments of its run to a file.

C{python -m benchmarks.probe.timed FILE BEGIN END WORD..}, with seconds since the start.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from threading import Thread


def _record(path: Path, moments: list[float]) -> None:
    start = time.monotonic()
    used = []
    for moment in moments:
        time.sleep(max(0.0, start + moment - time.monotonic()))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used.append(usage.ru_utime + usage.ru_stime)
    path.write_text(" ".join(map(str, used)))


def main(words: list[str]) -> None:
    path, begin, end, *command = words
    moments = [float(begin), float(end)]
    Thread(target=_record, args=(Path(path), moments), daemon=True).start()
    from tsservices.client.__main__ import run

    run(command)


if __name__ == "__main__":
    main(sys.argv[1:])
