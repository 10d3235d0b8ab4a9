from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.web.graph import BOX_HEIGHT, BOX_WIDTH, Layout, lay_out


@st.composite
def dags(draw: st.DrawFn, most: int = 60) -> tuple[tuple[int, ...], ...]:
    count = draw(st.integers(1, most))
    return tuple(
        tuple(draw(st.lists(st.integers(0, node - 1), max_size=3, unique=True))) if node else ()
        for node in range(count)
    )


def check(layout: Layout, dependencies: tuple[tuple[int, ...], ...]) -> None:
    boxes = layout.boxes
    assert [box.index for box in boxes] == list(range(len(dependencies)))
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + BOX_WIDTH <= layout.width
        assert box.y + BOX_HEIGHT <= layout.height
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            apart_x = abs(one.x - other.x) >= BOX_WIDTH + 8
            apart_y = abs(one.y - other.y) >= BOX_HEIGHT + 8
            assert apart_x or apart_y
    for edge in layout.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        assert edge.points[0] == (source.x + BOX_WIDTH, source.y + BOX_HEIGHT / 2)
        assert edge.points[-1] == (target.x, target.y + BOX_HEIGHT / 2)
        for x, y in edge.points:
            assert 0 <= x <= layout.width
            assert 0 <= y <= layout.height
        for start, end in zip(edge.points, edge.points[1:], strict=False):
            assert not any(crosses(start, end, box.x, box.y) for box in boxes)


def crosses(start: tuple[float, float], end: tuple[float, float], x: float, y: float) -> bool:
    """Whether a segment enters a box's inside; a curve stays within its segment's rectangle."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return left < x + BOX_WIDTH and right > x and top < y + BOX_HEIGHT and bottom > y


def edges_of(layout: Layout) -> set[tuple[int, int]]:
    return {(edge.source, edge.target) for edge in layout.edges}


@given(dags())
@settings(max_examples=80, deadline=None)
def test_boxes_stay_apart_and_edges_miss_them(dependencies: tuple[tuple[int, ...], ...]) -> None:
    layout = lay_out(dependencies)
    check(layout, dependencies)
    wanted = {(dep, node) for node, deps in enumerate(dependencies) for dep in deps}
    assert edges_of(layout) == wanted


@given(st.lists(st.lists(st.integers(-2, 12), max_size=4), max_size=10))
@settings(max_examples=80, deadline=None)
def test_any_input_gives_a_picture(raw: list[list[int]]) -> None:
    layout = lay_out(tuple(tuple(deps) for deps in raw))
    assert len(layout.boxes) == len(raw)
    assert all(edge.source != edge.target for edge in layout.edges)


def test_dependants_stand_right_of_what_they_wait_for_in_one_band() -> None:
    layout = lay_out(((), (0,), (1,), (0, 2)))
    xs = [box.x for box in layout.boxes]
    assert xs == sorted(set(xs))
    assert len({box.y for box in layout.boxes}) == 1


def test_wide_fan_out_wraps() -> None:
    wide = ((), *(((0,),) * 198), tuple(range(1, 199)))
    layout = lay_out(wide)
    check(layout, wide)
    assert layout.width < 1500
    assert layout.height < 4000


def test_long_chain_continues_below() -> None:
    chain = ((), *((node,) for node in range(199)))
    layout = lay_out(chain)
    check(layout, chain)
    assert layout.width < 1500
    ys = [box.y for box in layout.boxes]
    assert ys == sorted(ys)


def test_diamond_is_symmetric() -> None:
    layout = lay_out(((), (0,), (0,), (1, 2)))
    first, upper, lower, last = layout.boxes
    assert first.y == last.y == (upper.y + lower.y) / 2


def test_single_and_empty() -> None:
    assert lay_out(()).boxes == ()
    layout = lay_out(((),))
    assert layout.boxes[0].x == layout.boxes[0].y
    assert layout.edges == ()
