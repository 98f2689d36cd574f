"""Plots as small SVG files, drawn by hand: lines over a number, and bars beside each other. No script, no own font.

The same data gives the same file, so that a new measurement shows as a change of figures and of nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 74, 24, 64, 52
COLOURS = ("#14566b", "#d9822b", "#6b8f3c", "#8a4f7d", "#9aa3a8")
INK, QUIET, RULE, PAPER = "#26292b", "#5d6266", "#e3e1db", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"

Points = Sequence[tuple[float, float]]


def lines(title: str, series: Mapping[str, Points], across: str, up: str, bands: Iterable[Points] = ()) -> str:
    """Lines with a legend; `across` and `up` say what the axes measure. `bands` are drawn pale, behind, unnamed."""
    every = [point for points in (*series.values(), *bands) for point in points]
    first, last = min(x for x, _ in every), max(x for x, _ in every)
    steps = ticks(max(y for _, y in every))
    span = (last - first) or 1.0

    def place(point: tuple[float, float]) -> str:
        x = LEFT + (point[0] - first) / span * (WIDTH - LEFT - RIGHT)
        return f"{x:.1f},{_height(point[1], steps[-1]):.1f}"

    parts = [*_frame(title, series, steps, across, up)]
    for step in ticks(last, 8):
        if first <= step <= last:
            x = LEFT + (step - first) / span * (WIDTH - LEFT - RIGHT)
            side = "end" if x > WIDTH - RIGHT - 20 else "middle"  # a long number would reach over the edge
            parts.append(_text(x, HEIGHT - BOTTOM + 18, shown(step), anchor=side))
    for band in bands:
        points = " ".join(map(place, band))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{RULE}" stroke-width="1"/>')
    for (_, points), colour in zip(series.items(), COLOURS, strict=False):
        drawn = " ".join(map(place, points))
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
        )
    return _file(title, parts)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], up: str) -> str:
    """Groups of bars with their values on top; every group has the same names, in the same order."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    steps = ticks(max(value for group in groups.values() for value in group.values()))
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    wide = min(64.0, room * 0.72 / len(names))
    parts = [*_frame(title, names if len(names) > 1 else (), steps, "", up)]
    for place, (label, group) in enumerate(groups.items()):
        middle = LEFT + (place + 0.5) * room
        parts.append(_text(middle, HEIGHT - BOTTOM + 20, label, anchor="middle", ink=INK))
        for number, name in enumerate(names):
            if name not in group:
                continue
            x, y = middle + (number - len(names) / 2) * wide, _height(group[name], steps[-1])
            parts.append(
                f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{wide - 4:.1f}" height="{HEIGHT - BOTTOM - y:.1f}" rx="2" '
                f'fill="{COLOURS[number % len(COLOURS)]}"/>'
            )
            parts.append(_text(x + wide / 2, y - 6, shown(group[name]), anchor="middle", ink=INK))
    return _file(title, parts)


def ticks(largest: float, about: int = 5) -> list[float]:
    """Round steps from nothing to the largest value or just above it."""
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def shown(value: float) -> str:
    """A number for people: thousands apart, three signs below a hundred."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _frame(title: str, names: Iterable[str], steps: Sequence[float], across: str, up: str) -> Iterable[str]:
    """Title, legend, the lines across with their numbers, and what the axes measure."""
    yield _text(24, 30, title, size=16, ink=INK, weight=600)
    x = 24
    for name, colour in zip(names, COLOURS, strict=False):
        yield f'<rect x="{x}" y="43" width="10" height="10" rx="2" fill="{colour}"/>'
        yield _text(x + 15, 52, name, ink=INK)
        x += 15 + int(6.6 * len(name)) + 18
    for step in steps:
        y = _height(step, steps[-1])
        stroke = QUIET if step == 0 else RULE
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{stroke}" stroke-width="1"/>'
        yield _text(LEFT - 8, y + 4, shown(step), anchor="end")
    middle = TOP + (HEIGHT - BOTTOM - TOP) / 2
    yield _text(20, middle, up, anchor="middle", turned=True)
    if across:
        yield _text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 12, across, anchor="middle")


def _text(
    x: float, y: float, text: str, *, size: int = 12, ink: str = QUIET, anchor: str = "start", weight: int = 400,
    turned: bool = False,
) -> str:  # fmt: skip
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{ink}" text-anchor="{anchor}" '
        f'font-weight="{weight}"{turn}>{escape(text)}</text>'
    )


def _file(title: str, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(title)}" font-family="{FONT}">'
    )
    paper = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{PAPER}"/>'
    return "\n".join([head, paper, *parts, "</svg>"]) + "\n"
