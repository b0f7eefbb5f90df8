"""`python -m loadtest.cluster --nodes 5`: a whole cluster on this machine until Ctrl-C, with all logs in one place."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from .cluster import Cluster, ClusterError
from .compose import BadCompose


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.cluster",
        description="Redis, nodes and Nginx from compose.yaml, without Docker.",
    )
    parser.add_argument("--nodes", type=int, default=5, metavar="N")
    parser.add_argument(
        "--port", type=int, default=8080, help="HTTP and WebSocket through Nginx (0: a free one)"
    )
    parser.add_argument("--grpc-port", type=int, default=50051, help="gRPC through Nginx (0: a free one)")
    parser.add_argument("--music", type=Path, metavar="DIR", help="a folder of music (default: demo tunes)")
    parser.add_argument("--open", action="store_true", help="everybody is a host and nothing is limited")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="keep data and logs here (default: a temporary one)"
    )
    told = parser.parse_args()
    if told.music is not None and not told.music.is_dir():
        parser.error(f"--music {told.music}: there is no such folder")
    variables = {**os.environ, **({"OPEN": "yes"} if told.open else {})}
    stop, running = threading.Event(), threading.Event()

    def asked_to_stop(*_: object) -> None:
        stop.set()
        if not running.is_set():
            raise KeyboardInterrupt  # ends the start, which cleans up after itself

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked_to_stop)
    try:
        cluster = Cluster(
            told.nodes,
            port=told.port,
            grpc_port=told.grpc_port,
            music=told.music and told.music.resolve(),
            folder=told.folder and told.folder.resolve(),
            variables=variables,
            access_log="/dev/stdout crowdcue",
            terminal=sys.stdout,
            supervise=True,
        )
        with cluster:
            running.set()
            print(_welcome(cluster), flush=True)
            stop.wait()
            print("\nStopping …", flush=True)
    except KeyboardInterrupt:
        return 130
    except (ClusterError, BadCompose) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


def _welcome(cluster: Cluster) -> str:
    nodes = "\n".join(f"  node{n}    {url}" for n, url in zip(cluster.nodes, cluster.node_urls, strict=True))
    return (
        f"\n{len(cluster.nodes)} nodes are ready. Ctrl-C stops them.\n\n"
        f"  Party    {cluster.url}\n"
        f"  Host     {cluster.url}/r/MAIN?host={cluster.host_token}\n"
        f"  gRPC     {cluster.grpc}\n"
        f"{nodes}\n"
        f"  Redis    {cluster.redis_url}\n"
        f"  Log      {cluster.log.path}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
