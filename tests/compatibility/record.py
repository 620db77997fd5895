"""C{python -m tests.compatibility.record DIR}: record today's code as L{FILES} is recorded."""

from __future__ import annotations

import gzip
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.compatibility import current, evening
from tests.compatibility.files import FILES, write
from tests.compatibility.programs import CALLS, call

README = """\
What tsservices wrote and said as of commit {commit}, with Python {python}: recorded by
python -m tests.compatibility.record, and never changed by hand.  What is another one each time
(times, ids, secrets, addresses) is named by a word in capitals.

state/chat.sqlite.gz    a database of a server that was stopped
left.json               what those see who come to it; "over" in about.json is when it was left
evening.json            how it came about: what everybody said and was told
rows.json, schema.json  what is in it, and what its tables are made by
ports.json              the file of that name; counters.json: the same, and every kind of counters
audits.json             what the log told programs
stream.json.gz          what two nodes of a cluster wrote: number, stamp, and data in base64
outcomes.json           what came of each of these messages
checkpoints.json        the whole state as nodes keep it, by position
operations.json         what such messages can say: the types of its values
notifications.json      how everything is told, to programs and to people
errors.json             codes and words of what is not done
options.json            options, keys of the configuration file, bounds and defaults
programs.json           what the programs say, and how they end
"""


def record(folder: Path) -> None:
    (folder / "state").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        state = Path(name) / "state"
        notes, ports, counters, audits = evening.spend(state)
        over = time.time_ns()
        database = state / evening.DATABASE
        write(folder, "evening.json", notes)
        write(folder, "ports.json", ports)
        write(folder, "counters.json", {"file": counters, "kinds": current.counters()})
        write(folder, "audits.json", audits)
        write(folder, "rows.json", evening.rows(database))
        write(folder, "schema.json", evening.schema(database))
        packed = gzip.compress(database.read_bytes(), mtime=0)
        (folder / "state" / f"{evening.DATABASE}.gz").write_bytes(packed)
        write(folder, "left.json", evening.visit(state, over))
        os.chdir(name)
        programs = {name: call(words).splitlines() for name, words in CALLS.items()}
    write(folder, "programs.json", programs)
    stream = current.record()
    outcomes, checkpoints = current.applied(stream)
    write(folder, "stream.json.gz", stream)
    write(folder, "outcomes.json", outcomes)
    write(folder, "checkpoints.json", checkpoints)
    write(folder, "operations.json", current.operations())
    write(folder, "notifications.json", current.notifications())
    write(folder, "errors.json", current.errors())
    write(folder, "options.json", current.options())
    write(folder, "about.json", {"over": over})
    commit = subprocess.run(
        [shutil.which("git") or "git", "rev-parse", "HEAD"],
        cwd=FILES.parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    about = README.format(commit=commit or "unknown", python=platform.python_version())
    (folder / "README").write_text(about)


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve())
