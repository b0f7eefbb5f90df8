"""`/metrics` in Prometheus' text format: what `live.meters` counted and how the node stands, for operators only."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from crowdcue import __version__
from crowdcue.faces.auth import bearer_token
from crowdcue.faces.context import Context
from crowdcue.faces.gate import plain
from crowdcue.faces.http import problem
from crowdcue.live.meters import Histogram, meters

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
#: What proxies add: a request that carries one of these was not made on this machine, wherever it comes from.
FORWARDED: Final = (
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "forwarded",
    "via",
)


class NodeCollector(Collector):
    """Makes the metrics of a node when they are asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield InfoMetricFamily("crowdcue", "The version that runs", {"version": __version__})
        yield from self._gauges()
        yield _by_labels(
            "crowdcue_commands", "Commands answered by rooms", ("kind", "outcome"), meters.commands
        )
        yield _by_labels(
            "crowdcue_requests_refused", "HTTP and gRPC requests refused", ("face", "code"), meters.refusals
        )
        for name, about, histogram in (
            ("append_seconds", "Until a batch of commands is durable", meters.append_seconds),
            ("batch_commands", "Commands in a batch", meters.batch_size),
            (
                "apply_lag_seconds",
                "From an entry's time in the log to its place in this node",
                meters.apply_lag,
            ),
            ("fanout_seconds", "To tell all listeners of one room on this node", meters.fanout_seconds),
        ):
            yield _histogram(f"crowdcue_{name}", about, histogram)
        for name, about, value in (
            ("states_sent", "Fresh states sent to listeners", meters.states),
            ("resyncs", "Fresh states sent because a patch would not do", meters.resyncs),
            ("replicas_rebuilt", "Rooms built anew because their log's past had changed", meters.rebuilt),
            ("rooms_put_back", "Vanished rooms put back into the log", meters.put_back),
            ("connections_cut", "Connections cut because they took too little", meters.cut),
        ):
            yield CounterMetricFamily(f"crowdcue_{name}", about, value)

    def _gauges(self) -> Iterator[Metric]:
        context = self._context
        rooms = context.registry.rooms
        waiting = [listener.sink.buffered() for room in rooms for listener in room.listeners]
        ready = context.why_not_ready() is None
        for name, about, value in (
            ("ready", "1 when new guests may come to this node", int(ready)),
            ("connections", "WebSockets accepted and not ended yet", len(context.conversations)),
            ("listeners", "Listeners in rooms, gRPC streams included", len(waiting)),
            ("rooms_open", "Rooms open on this node", len(rooms)),
            ("outbox_bytes", "Bytes on their way to all listeners", sum(waiting)),
            ("outbox_largest_bytes", "Bytes on their way to the slowest listener", max(waiting, default=0)),
            ("library_songs", "Songs in the music library", len(context.library)),
        ):
            yield GaugeMetricFamily(f"crowdcue_{name}", about, value)


def _by_labels(
    name: str, about: str, labels: tuple[str, str], counts: Mapping[tuple[str, str], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family


def _histogram(name: str, about: str, histogram: Histogram) -> HistogramMetricFamily:
    buckets: list[tuple[str, float]] = []
    below = 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        below += count
        buckets.append((str(bound), below))
    return HistogramMetricFamily(name, about, buckets, sum_value=histogram.total)


def is_local(request: Request) -> bool:
    """Whether a request was made on this machine and not handed on by a proxy.

    The name it asks for must be an address or "localhost": a web page elsewhere can have its own name point here.
    """
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    name = request.url.hostname or ""
    return _is_loopback(request.client.host) and (name == "localhost" or _is_address(name))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def routes(context: Context, token: str | None) -> list[BaseRoute]:
    """`/metrics`, for whoever is on this machine, or shows the token."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(context))
    ProcessCollector(registry=registry)

    async def metrics(request: Request) -> Response:
        shown = bearer_token(request.headers)
        if shown is not None:
            if token is None or not hmac.compare_digest(shown.encode(), token.encode()):
                raise problem("unauthorised", "This is not the token for metrics.")
        elif not is_local(request):
            raise problem("forbidden", "Metrics are for this machine, or whoever has their token.")
        return Response(
            generate_latest(registry), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE
        )

    return [Route("/metrics", plain(metrics))]
