"""`python -m loadtest SCENARIO …`: run a load, print what was found, exit 1 when anything was wrong with it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop

from . import report
from .cluster import ClusterError
from .frames import OPEN, BadServer
from .progress import Progress
from .result import Result, machine, write_json
from .scenarios import core, fanout, join, mixed, seed, votes
from .target import Target, TargetError, cluster, external, one_node

SCENARIOS = {m.__name__.rpartition(".")[2]: m for m in (fanout, votes, join, mixed, seed, core)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description="Load, measured and checked.")
    kinds = parser.add_subparsers(dest="scenario", required=True, metavar="SCENARIO")
    for name, module in SCENARIOS.items():
        about = (module.__doc__ or "").strip().splitlines()[0]
        kind = kinds.add_parser(name, help=about, description=about)
        module.options(kind)
        kind.add_argument("--target", metavar="URL", help="a party that runs already, with --open")
        kind.add_argument("--grpc", default="", metavar="HOST:PORT", help="gRPC of the --target")
        kind.add_argument("--pid", action="append", default=[], metavar="NAME=PID", help="report its CPU")
        kind.add_argument(
            "--redis", action="store_true", help="one node with a Redis instead of the embedded log"
        )
        kind.add_argument(
            "--nodes", type=int, default=0, help="so many nodes behind Nginx (default: one alone)"
        )
        kind.add_argument("--durability", choices=("disk", "process"), default="disk")
        kind.add_argument("--quick", action="store_true", help="a tiny run that ends in seconds")
        kind.add_argument("--json", type=Path, metavar="FILE")
        kind.add_argument("--html", type=Path, metavar="FILE", help="a page with plots")
        kind.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def _target(told: argparse.Namespace) -> contextlib.AbstractContextManager[Target]:
    if told.target:
        pids = dict(part.partition("=")[::2] for part in told.pid)
        return contextlib.nullcontext(
            external(told.target, told.grpc, {name: int(pid) for name, pid in pids.items()})
        )
    return cluster(told.nodes) if told.nodes else one_node(told.redis, told.durability)


async def _whole(run: Coroutine[Any, Any, Result]) -> Result:
    """The run, and the end of all its connections."""
    try:
        return await run
    finally:
        await asyncio.sleep(0.05)  # closing in good order, for those that do
        for transport in list(OPEN):
            transport.abort()
        await asyncio.sleep(0.05)


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code: 0 when all was correct, 1 when not, 2 when it could not run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    told = parser.parse_args(arguments)
    module = SCENARIOS[told.scenario]
    if told.quick:
        parser.set_defaults()
        for name, value in module.QUICK.items():
            setattr(told, name, value)
    progress, about = Progress(quiet=told.quiet), machine()
    results: list[Result] = []
    try:
        with _target(told) as target:
            results.append(uvloop.run(_whole(module.run(told, target, progress))))
    except (TargetError, ClusterError, BadServer, OSError) as error:
        print(f"loadtest: {error}", file=sys.stderr)
        return 2
    for result in results:
        print(result.table())
    if told.json:
        write_json(told.json, about, results)
    if told.html:
        report.write(told.html, about, results)
    return 1 if any(result.failed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
