"""The plot of the documentation: how cost grows, on logarithmic axes."""

from __future__ import annotations

from math import log10

_COLOURS = ("#0969da", "#cf222e", "#9a6700", "#6e7781")
_WIDTH, _HEIGHT, _LEFT, _TOP = 230, 200, 46, 46

Curves = dict[str, list[tuple[int, float]]]


def plot(axes: dict[str, Curves]) -> str:
    """Draw one panel per axis, each with one line per contender.

    :param axes: by the name of what grows, by contender: size and cost.
    """
    names = list(next(iter(axes.values())))
    width = len(axes) * (_WIDTH + _LEFT) + 20
    keys = [
        f'<text x="{_LEFT + index * 130}" y="16" fill="{colour}">{name}</text>'
        for index, (name, colour) in enumerate(zip(names, _COLOURS))
    ]
    costs = [cost for curves in axes.values() for line in curves.values() for _, cost in line]
    low, high = int(log10(min(costs)) - 1), int(log10(max(costs)) + 1)
    panels = [
        _panel(name, curves, _LEFT + index * (_WIDTH + _LEFT), low, high)
        for index, (name, curves) in enumerate(axes.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 90}" '
        'font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{_lines(keys)}'
        f"{''.join(panels)}</svg>\n"
    )


def _lines(elements: list[str]) -> str:
    return "".join(f"{element}\n" for element in elements)


def _panel(title: str, curves: Curves, left: int, low: int, high: int) -> str:
    sizes = [size for line in curves.values() for size, _ in line]
    first, last = log10(min(sizes)), log10(max(sizes))

    def x(size: float) -> float:
        return round(left + _WIDTH * (log10(size) - first) / (last - first), 1)

    def y(cost: float) -> float:
        return round(_TOP + _HEIGHT * (high - log10(cost)) / (high - low), 1)

    bottom = _TOP + _HEIGHT
    elements = []
    for power in range(low, high + 1):
        at = y(10**power)
        elements.append(f'<path d="M{left} {at}h{_WIDTH}" stroke="#d0d7de"/>')
        elements.append(
            f'<text x="{left - 4}" y="{at + 4}" text-anchor="end">{10.0**power:g}</text>'
        )
    for size in sorted({min(sizes), max(sizes)}):
        elements.append(
            f'<text x="{x(size)}" y="{bottom + 16}" text-anchor="middle">{size:,}</text>'
        )
    elements.append(
        f'<text x="{left + _WIDTH / 2}" y="{bottom + 34}" text-anchor="middle">{title}</text>'
    )
    for line, colour in zip(curves.values(), _COLOURS):
        points = " ".join(f"{x(size)},{y(cost)}" for size, cost in line)
        elements.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    return _lines(elements)
