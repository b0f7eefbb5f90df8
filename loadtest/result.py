"""What a run found: figures with their targets, errors, CPU by process, and series for the plots; as table and JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(slots=True)
class Figure:
    """One number. `target`: at most (`most`) or at least this much; None when nothing was promised."""

    name: str
    value: float
    unit: str
    target: float | None = None
    most: bool = True

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached."""
        if self.target is None:
            return None
        return self.value <= self.target if self.most else self.value >= self.target


@dataclass(slots=True)
class Plot:
    """One picture: named lines of (x, y) points."""

    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]


@dataclass(slots=True)
class Result:
    """One run of one scenario. It failed when `errors` is not empty, whatever the figures say."""

    scenario: str
    parameters: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    checked: list[str] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)  #: name → share of a core while measured
    plots: list[Plot] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, target: float | None = None, *, most: bool = True
    ) -> None:
        """Note a figure."""
        self.figures.append(Figure(name, float(value), unit, target, most))

    def add_latency(self, name: str, times: list[float], targets: dict[int, float] | None = None) -> None:
        """Note p50, p99 and the worst of latencies given in s; targets in ms by percentile."""
        if not times:
            return
        found = np.percentile(np.asarray(times), (50, 90, 99, 99.9, 100)) * 1000
        for percentile, value in zip((50, 99, 100), (found[0], found[2], found[4]), strict=True):
            label = "max" if percentile == 100 else f"p{percentile}"
            self.add(f"{name}, {label}", value, "ms", (targets or {}).get(percentile))

    @property
    def failed(self) -> bool:
        """Whether anything was wrong."""
        return bool(+self.errors)

    def table(self) -> str:
        """For the terminal."""
        told = ", ".join(f"{k} {v}" for k, v in self.parameters.items() if v not in (None, False, ""))
        lines = ["", f"{self.scenario}  ({told})"]
        width = max((len(f.name) for f in self.figures), default=0)
        for figure in self.figures:
            target = ""
            if figure.target is not None:
                sign = "≤" if figure.most else "≥"
                target = (
                    f"{sign} {format_number(figure.target)}  {'reached' if figure.reached else 'NOT reached'}"
                )
            lines.append(
                f"  {figure.name:<{width}}  {format_number(figure.value):>10} {figure.unit:<14} {target}".rstrip()
            )
        if self.cpu:
            used = "  ".join(f"{name} {share:.0%}" for name, share in self.cpu.items())
            full = [name for name, share in self.cpu.items() if share > 0.9]
            note = f"  (saturated: {', '.join(full)})" if full else ""
            lines.append(f"  {'CPU, share of a core':<{width}}  {used}{note}")
        lines += [f"  checked: {what}" for what in self.checked]
        lines += [f"  ERROR: {what}: {count}" for what, count in self.errors.items() if count]
        lines.append(f"  {'FAILED' if self.failed else 'correct'}")
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "scenario": self.scenario,
            "parameters": self.parameters,
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
            "cpu": self.cpu,
            "checked": self.checked,
            "errors": dict(+self.errors),
            "correct": not self.failed,
            "plots": [asdict(plot) for plot in self.plots],
        }


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": "python -m loadtest " + " ".join(sys.argv[1:]),
    }


def write_json(path: Path, about: dict[str, Any], results: list[Result]) -> None:
    """All results of a run, with the machine."""
    whole = {"machine": about, "results": [result.plain() for result in results]}
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def format_number(value: float) -> str:
    """Three or four digits that matter."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.3f}" if abs(value) < 1 else f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
