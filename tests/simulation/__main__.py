"""`python -m tests.simulation --seeds N`: many parties in a row, or one again with `--seed N`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.plan import make
from tests.simulation.run import Result, run
from tests.simulation.search import FAULTS, report, search

#: Seeds that one worker runs before it tells how it went.
CHUNK = 250


def main() -> int:
    """Exit code 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds to run")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone and tell its story")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    options = parser.parse_args()
    return (
        _one(options.seed) if options.seed is not None else _many(options.start, options.seeds, options.jobs)
    )


def _one(seed: int) -> int:
    result = run(make(seed))
    print(result.scenario.cast)
    print(result.story)
    print(", ".join(f"{count} {what}" for what, count in sorted(result.counts.items())))
    if result.failure is None:
        print("all promises were kept")
        return 0
    print(report(result))
    return 1


def _many(start: int, seeds: int, jobs: int) -> int:
    began, counts, done = time.monotonic(), Counter[str](), 0
    parts = [range(first, min(first + CHUNK, start + seeds)) for first in range(start, start + seeds, CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        for part, (result, met) in zip(parts, pool.map(_part, parts), strict=True):
            if result is not None:
                print(report(result))
                pool.shutdown(cancel_futures=True)
                return 1
            counts += met
            done += len(part)
            if sys.stderr.isatty():
                print(f"{done} of {seeds}", end="\r", file=sys.stderr)
    print(f"{done} parties in {time.monotonic() - began:.0f} s; all promises were kept. They met:")
    for what in ("entries", "done", "refused", "resumes", "state", "patch", *FAULTS):
        print(f"  {counts[what]:>9} {what}")
    return 0


def _part(seeds: range) -> tuple[Result | None, Counter[str]]:
    counts: Counter[str] = Counter()
    return search(seeds, counts), counts


if __name__ == "__main__":
    sys.exit(main())
