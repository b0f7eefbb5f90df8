"""The results as one HTML page with plots drawn as inline SVG: no script, nothing fetched."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import Any, Final

from .result import Plot, Result, format_number

_COLOURS: Final = ("#e4572e", "#17bebb", "#ffc914", "#76b041", "#7768ae", "#2e86ab")
_WIDTH: Final = 640
_HEIGHT: Final = 260
_LEFT: Final = 64
_BOTTOM: Final = 40

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } .bad { color: #b00020; font-weight: 600; }
.good { color: #2a7d2a; } svg { background: #fafafa; } code { background: #eee; padding: 0 .25rem; }
"""


def write(path: Path, about: dict[str, Any], results: list[Result]) -> None:
    """The page."""
    told = "".join(f"<tr><th>{_e(k)}<td>{_e(v)}" for k, v in about.items())
    body = "".join(_section(result) for result in results)
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Crowdcue under load</title>'
        f"<style>{_STYLE}</style><h1>Crowdcue under load</h1><table>{told}</table>{body}</html>\n",
        encoding="utf-8",
    )


def _section(result: Result) -> str:
    rows = []
    for figure in result.figures:
        target = ""
        if figure.target is not None:
            sign = "≤" if figure.most else "≥"
            mark = (
                '<span class="good">reached</span>'
                if figure.reached
                else '<span class="bad">not reached</span>'
            )
            target = f"{sign} {format_number(figure.target)} {mark}"
        rows.append(
            f'<tr><td>{_e(figure.name)}<td class="n">{format_number(figure.value)}<td>{_e(figure.unit)}<td>{target}'
        )
    state = '<b class="bad">failed</b>' if result.failed else '<b class="good">correct</b>'
    errors = "".join(f'<li class="bad">{_e(what)}: {count}' for what, count in result.errors.items() if count)
    checked = "".join(f"<li>{_e(what)}" for what in result.checked)
    cpu = Plot("CPU by process", "", "% of a core", {})
    bars = _bars({name: share * 100 for name, share in result.cpu.items()}, cpu) if result.cpu else ""
    plots = "".join(_plot(plot) for plot in result.plots if plot.lines)
    told = ", ".join(f"{k} {v}" for k, v in result.parameters.items())
    return (
        f"<h2>{_e(result.scenario)}: {state}</h2><p>{_e(told)}</p><table>{''.join(rows)}</table>"
        f"<ul>{errors}{checked}</ul>{bars}{plots}"
    )


def _plot(plot: Plot) -> str:
    points = [point for line in plot.lines.values() for point in line]
    logarithmic = max(x for x, _ in points) > 100 * max(min(x for x, _ in points), 1e-9) > 1e-6
    along = (lambda x: math.log10(x)) if logarithmic else (lambda x: x)
    low, high = min(along(x) for x, _ in points), max(along(x) for x, _ in points)
    top = max(y for _, y in points) * 1.1 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        share = (along(x) - low) / (high - low) if high > low else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - 10), (1 - y / top) * (_HEIGHT - _BOTTOM)

    lines = []
    for number, (name, line) in enumerate(plot.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(x, y) for x, y in line))
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        lines.append(
            f'<text x="{_WIDTH - 8}" y="{16 + 16 * number}" fill="{colour}" text-anchor="end">{_e(name)}</text>'
        )
    ticks = {min(points)[0], max(points)[0]} if not logarithmic else {x for x, _ in points}
    return _frame(plot, top, "".join(lines) + "".join(_tick(place(x, 0), x) for x in sorted(ticks)))


def _bars(values: dict[str, float], plot: Plot) -> str:
    top = max(*values.values(), 100.0)
    width = (_WIDTH - _LEFT - 10) / len(values)
    drawn = []
    for number, (name, value) in enumerate(values.items()):
        height = value / top * (_HEIGHT - _BOTTOM)
        x, y = _LEFT + number * width, _HEIGHT - _BOTTOM - height
        colour = _COLOURS[number % len(_COLOURS)]
        drawn.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.7:.1f}" height="{height:.1f}" fill="{colour}"/>'
        )
        drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{_e(name)} {value:.0f} %</text>')
    return _frame(plot, top, "".join(drawn))


def _frame(plot: Plot, top: float, inside: str) -> str:
    floor = _HEIGHT - _BOTTOM
    return (
        f"<h3>{_e(plot.title)}</h3>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" font-size="12" role="img" '
        f'aria-label="{_e(plot.title)}">'
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH}" y2="{floor}" stroke="#888"/>'
        f'<text x="{_LEFT - 6}" y="12" text-anchor="end">{format_number(top)}</text>'
        f'<text x="{_LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{_LEFT - 6}" y="{floor / 2}" text-anchor="end">{_e(plot.y)}</text>'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}">{_e(plot.x)}</text>{inside}</svg>'
    )


def _tick(at: tuple[float, float], x: float) -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{format_number(x)}</text>'
    )


def _e(value: object) -> str:
    return html.escape(str(value))
