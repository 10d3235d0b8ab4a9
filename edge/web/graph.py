"""Lay a DAG out as a picture: boxes on a grid, edges through the gaps between them.

Pure. Columns go left to right by dependency depth; a column that would be too tall is split into
several, and a picture that would be too wide continues in a second band below, as text does. All
columns have one width, so the gaps between them are free lanes through every band, and no edge has
to cross a box. Coordinates are CSS pixels in the viewBox of the SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["BOX_HEIGHT", "BOX_WIDTH", "Box", "Edge", "Layout", "lay_out"]

BOX_WIDTH = 168
BOX_HEIGHT = 46
_GAP_X = 52
_GAP_Y = 18
#: how far from the box an edge turns; less than half the gap
_LANE_X = 18
_PITCH_X = BOX_WIDTH + _GAP_X
_PITCH_Y = BOX_HEIGHT + _GAP_Y
_MARGIN = 14
_BAND_GAP = 22
_MAX_ROWS = 10
_MAX_COLUMNS = 6
#: beyond this many edges lanes are not searched; the picture is a thicket in any case
_MAX_ROUTED = 1500

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """One node: its index in the input, and the top left corner of its box."""

    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Edge:
    """One dependency, from the right side of `source` to the left side of `target`.

    `points` is the way; `path` the same as SVG path data with soft corners.
    """

    source: int
    target: int
    points: tuple[Point, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture of `width` x `height`. `boxes` is in input order."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    column: int
    band: int
    x: float
    y: float


@lru_cache(maxsize=64)
def lay_out(dependencies: tuple[tuple[int, ...], ...]) -> Layout:
    """Return the layout of nodes 0..n-1 where `dependencies[i]` are the nodes that `i` waits for.

    References out of range and to itself are ignored, and so are edges that would close a cycle
    (records come from outside), so every input gives a picture. Cached, because a live page asks
    for the same picture every two seconds.
    """
    count = len(dependencies)
    wanted = [
        sorted({d for d in deps if 0 <= d < count and d != node})
        for node, deps in enumerate(dependencies)
    ]
    depth, kept = _depths(wanted)
    columns = _columns(depth, kept)
    places, width, height = _place(columns, count)
    boxes = tuple(Box(node, places[node].x, places[node].y) for node in range(count))
    pairs = [(source, target) for target in range(count) for source in kept[target]]
    routed = len(pairs) <= _MAX_ROUTED
    tops = _column_tops(places)
    edges = []
    for source, target in pairs:
        points = _way(places[source], places[target], tops, routed)
        edges.append(Edge(source, target, points, _path(points)))
    return Layout(width, height, boxes, tuple(edges))


def _depths(wanted: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Return (longest distance from a root, edges without those that close a cycle)."""
    count = len(wanted)
    depth = [0] * count
    kept: list[list[int]] = [[] for _ in range(count)]
    state = [0] * count
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(wanted[root]))]
        while stack:
            node, rest = stack[-1]
            for dep in rest:
                if state[dep] == 1:
                    continue
                kept[node].append(dep)
                if state[dep] == 0:
                    state[dep] = 1
                    stack.append((dep, iter(wanted[dep])))
                    break
            else:
                depth[node] = max((depth[dep] + 1 for dep in kept[node]), default=0)
                state[node] = 2
                stack.pop()
    return depth, kept


def _columns(depth: Sequence[int], kept: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the columns in drawing order, nodes ordered to cross few edges, tall ones split."""
    layers: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for node, level in enumerate(depth):
        layers[level].append(node)
    children: list[list[int]] = [[] for _ in depth]
    for node, deps in enumerate(kept):
        for dep in deps:
            children[dep].append(node)
    rank = [0.0] * len(depth)

    def settle(layer: list[int]) -> None:
        for row, node in enumerate(layer):
            rank[node] = (row + 0.5) / len(layer)

    for layer in layers:
        settle(layer)
    for sweep in range(4):
        downward = sweep % 2 == 0
        for layer in layers if downward else reversed(layers):
            near = kept if downward else children

            def centre(node: int, near: Sequence[Sequence[int]] = near) -> float:
                others = near[node]
                return sum(rank[o] for o in others) / len(others) if others else rank[node]

            layer.sort(key=centre)
            settle(layer)
    columns: list[list[int]] = []
    for layer in layers:
        parts = -(-len(layer) // _MAX_ROWS)
        rows = -(-len(layer) // parts)
        columns += [layer[at : at + rows] for at in range(0, len(layer), rows)]
    return columns


def _place(columns: Sequence[Sequence[int]], count: int) -> tuple[list[_Place], float, float]:
    """Put the columns into bands and return (places by node, width, height)."""
    if not columns:
        return [], 2.0 * _MARGIN, 2.0 * _MARGIN
    bands = -(-len(columns) // _MAX_COLUMNS)
    per_band = -(-len(columns) // bands)
    # Every band starts with an empty gap on the left: edges from the band above come down there.
    left = _MARGIN if bands == 1 else _MARGIN + _GAP_X / 2
    places: list[_Place | None] = [None] * count
    top = float(_MARGIN)
    for band in range(bands):
        part = columns[band * per_band : (band + 1) * per_band]
        height = max(len(column) for column in part) * _PITCH_Y - _GAP_Y
        for column_index, column in enumerate(part):
            own = len(column) * _PITCH_Y - _GAP_Y
            x, y = left + column_index * _PITCH_X, top + (height - own) / 2
            for row, node in enumerate(column):
                places[node] = _Place(column_index, band, x, y + row * _PITCH_Y)
        top += height + _BAND_GAP * 2
    width = left + per_band * _PITCH_X - _GAP_X + left
    return [place for place in places if place is not None], width, top - 2 * _BAND_GAP + _MARGIN


def _column_tops(places: Sequence[_Place]) -> dict[tuple[int, int], list[float]]:
    """Return the tops of the boxes by (band, column)."""
    tops: dict[tuple[int, int], list[float]] = {}
    for place in places:
        tops.setdefault((place.band, place.column), []).append(place.y)
    return tops


def _way(
    source: _Place, target: _Place, tops: dict[tuple[int, int], list[float]], routed: bool
) -> tuple[Point, ...]:
    """Return the points of an edge; two points mean a plain curve inside one gap."""
    start = (source.x + BOX_WIDTH, source.y + BOX_HEIGHT / 2)
    end = (target.x, target.y + BOX_HEIGHT / 2)
    if source.band == target.band and target.column == source.column + 1:
        return (start, end)
    if not routed:
        return (start, end)
    # Ways out keep to the left of a gap and ways in to the right, so that they stay two lines.
    out_x, in_x = start[0] + _LANE_X, end[0] - _LANE_X
    if source.band == target.band and target.column > source.column:
        between = [
            top
            for column in range(source.column + 1, target.column)
            for top in tops.get((source.band, column), ())
        ]
        lane = _lane(start[1], end[1], between)
    else:
        lane = _target_lane(target, tops)
    return (start, (out_x, start[1]), (out_x, lane), (in_x, lane), (in_x, end[1]), end)


def _target_lane(target: _Place, tops: dict[tuple[int, int], list[float]]) -> float:
    """Return the height of the free lane above the target's band."""
    highest = min(min(rows) for (band, _), rows in tops.items() if band == target.band)
    return highest - _BAND_GAP


def _lane(start: float, end: float, tops: Sequence[float]) -> float:
    """Return the free height nearest to the straight way, given the boxes in between."""
    half = _GAP_Y / 2
    wish = (start + end) / 2
    candidates = [start, end]
    for top in tops:
        candidates += [top - half, top + BOX_HEIGHT + half]
    free = [
        lane
        for lane in set(candidates)
        if all(lane <= top - half or lane >= top + BOX_HEIGHT + half for top in tops)
    ]
    # The straight continuation of either end beats a prettier middle: one bend fewer.
    return min(free, key=lambda lane: (abs(lane - wish) + (0 if lane in (start, end) else 4), lane))


def _path(points: Sequence[Point]) -> str:
    """Return SVG path data: an S-curve for two points, else lines with rounded corners."""
    (x1, y1), (x2, y2) = points[0], points[-1]
    if len(points) == 2:
        mid = (x1 + x2) / 2
        return f"M{x1:g},{y1:g} C{mid:g},{y1:g} {mid:g},{y2:g} {x2:g},{y2:g}"
    ways = [points[0]]
    for point in points[1:]:
        if point != ways[-1]:
            ways.append(point)
    out = [f"M{x1:g},{y1:g}"]
    for before, corner, after in zip(ways, ways[1:], ways[2:], strict=False):
        enter, leave = _toward(corner, before), _toward(corner, after)
        out.append(
            f"L{enter[0]:g},{enter[1]:g} Q{corner[0]:g},{corner[1]:g} {leave[0]:g},{leave[1]:g}"
        )
    out.append(f"L{x2:g},{y2:g}")
    return " ".join(out)


def _toward(corner: Point, other: Point, radius: float = 9.0) -> Point:
    """Return the point `radius` (at most half the way) from a corner toward its neighbour."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    step = min(radius, length / 2) / length
    return (round(corner[0] + dx * step, 2), round(corner[1] + dy * step, 2))
