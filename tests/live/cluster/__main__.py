"""
Kills and freezes nodes of a cluster, and servers of its broker, again and again, while users write,
and sees that nothing is lost, doubled or delivered in another order anywhere.

Usage: C{python -m tests.live.cluster --nodes 3 --servers 3 --faults 30 --seed 1}.
After each fault all becomes quiet: L{tests.live.cluster.oracle} compares the history of each node
with what each client wrote and received, and L{tests.live.cluster.world} tries whether what was
done on one node holds on all.  Exits with 0 when nothing was wrong; otherwise the folder with the
logs of all processes stays.  With C{--servers 0} there is one node, without a cluster.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.live.cluster.faults import longest
from tests.live.cluster.nats import BrokerServers
from tests.live.cluster.nodes import Cluster
from tests.live.cluster.trial import Trial, Violated

#: Seconds after which no more faults happen.
SECONDS = 3600.0


def crash(
    folder: Path,
    nodes: int,
    servers: int,
    faults: int,
    seed: int,
    seconds: float = SECONDS,
    report: Callable[[str], object] = lambda text: None,
    options: Sequence[str] = (),
    only: Sequence[str] = (),
) -> dict[str, object]:
    with ExitStack() as stack:
        broker = stack.enter_context(BrokerServers(folder, servers)) if servers else None
        url = broker.url if broker else ""
        options = (*(broker.options(folder) if broker else ()), *options)
        cluster = Cluster(folder, nodes if broker else 1, url, *options)
        try:
            with cluster:
                trial = Trial(cluster, broker, seed, report, only)
                asyncio.run(trial.run(faults, seconds))
        except Violated as violated:
            raise Violated(f"{violated}\nseed {seed}, after {trial.faultCount} faults") from None
        return {
            "faults": trial.faultCount,
            "tries": trial.crossChecks.tries,
            "deaths": len(trial.faults.waits),
            "gone": longest(trial.faults.waits),
            **asdict(trial.oracle.tally),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="clustercrashes", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--servers", type=int, default=1, choices=(0, 1, 3))
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--only", default="", help="kinds of faults, like killNode,stopNode")
    parser.add_argument("options", nargs="*", help="of the nodes, after --")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ts-cluster-"))
    begun = time.monotonic()
    # To end this program ends what it has started, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))

    def report(text: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} {text}", flush=True)

    try:
        result = crash(
            folder,
            chosen.nodes,
            chosen.servers,
            chosen.faults,
            chosen.seed,
            chosen.seconds,
            report,
            chosen.options,
            chosen.only.split(",") if chosen.only else (),
        )
    except AssertionError as reason:
        print(f"{reason}\nall files are in {folder}", file=sys.stderr)
        return 1
    print(
        json.dumps(
            {
                "nodes": chosen.nodes,
                "servers": chosen.servers,
                "seed": chosen.seed,
                **result,
            }
        )
    )
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
