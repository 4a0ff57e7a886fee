"""Where labels go: beside their points, on no other label, point or line; pure geometry, in pixels, with y upwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]

#: Free space around a label.
PAD = 2.0
#: Distances from the point at which a label is tried, the nearest first; from `LEADER_FROM` on a thin line leads to it.
DISTANCES = (9.0, 14.0, 26.0, 42.0, 60.0, 84.0)
LEADER_FROM = 20.0
#: Directions, the most natural first: to the right and above, where stairs that fall leave room.
DIRECTIONS = ((1.0, 0.7), (1.0, 0.0), (1.0, -0.7), (0.0, 1.0), (0.0, -1.0), (-1.0, -0.7), (-1.0, 0.7), (-1.0, 0.0))


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """Whether two boxes share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def inside(self, other: Box) -> bool:
        """Whether the other box holds it whole."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )

    def grown(self, by: float) -> Box:
        """The box with that much more on each side."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def cut_by(self, start: Point, end: Point) -> bool:
        """Whether a line passes through it (Liang and Barsky's clipping)."""
        low, high = 0.0, 1.0
        for from_, to, least, most in (
            (start[0], end[0], self.left, self.right),
            (start[1], end[1], self.bottom, self.top),
        ):
            way = to - from_
            if way == 0:
                if not least < from_ < most:
                    return False
                continue
            near, far = sorted(((least - from_) / way, (most - from_) / way))
            low, high = max(low, near), min(high, far)
        return low < high

    def nearest(self, point: Point) -> Point:
        """Its point that is nearest to another one."""
        return min(max(point[0], self.left), self.right), min(max(point[1], self.bottom), self.top)

    @property
    def middle(self) -> Point:
        """Its centre."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


@dataclass
class Canvas:
    """What is taken of a picture.

    Attributes
    ----------
    frame
        Where labels may be.
    boxes, lines
        What they may not touch.
    """

    frame: Box
    boxes: list[Box] = field(default_factory=list)
    lines: list[tuple[Point, Point]] = field(default_factory=list)

    def free(self, box: Box) -> bool:
        """Whether a label can be there."""
        wide = box.grown(PAD)
        return (
            box.inside(self.frame)
            and not any(wide.meets(other) for other in self.boxes)
            and not any(wide.cut_by(start, end) for start, end in self.lines)
        )

    def take(self, box: Box) -> None:
        """Nothing else goes there."""
        self.boxes.append(box.grown(PAD))

    def beside(self, anchor: Point, sizes: Iterable[Point]) -> tuple[int, Box, Point | None] | None:
        """Place for one of several forms of a label near its point, None where there is none.

        Returns the form's index, its box, and where a thin line that leads to the point begins (None: it is near enough).
        """
        forms = list(sizes)
        for distance in DISTANCES:
            for index, (width, height) in enumerate(forms):
                for direction in DIRECTIONS:
                    box = _box(anchor, direction, distance, width, height)
                    start = box.grown(PAD + 1).nearest(anchor) if distance >= LEADER_FROM else None
                    if self.free(box) and (start is None or self._clear(start, anchor)):
                        self.take(box)
                        if start is not None:
                            self.lines.append((start, anchor))
                        return index, box, start
        return None

    def roomiest(self, sizes: Sequence[Point], within: Sequence[Box]) -> tuple[int, Box] | None:
        """Place for the first of several forms of a text that has one, in the emptiest part of some regions, or None.

        `within` are boxes whose union is the region, so narrow that a text stands in several side by side.
        """
        for index, (width, height) in enumerate(sizes):
            found = [box for box in self._grid(width, height) if _covered(box, within) and self.free(box)]
            if found:
                centre = self.frame.middle[0]
                best = max(found, key=lambda box: (round(self._clearance(box, within)), -abs(box.middle[0] - centre)))
                self.take(best)
                return index, best
        return None

    def _clear(self, start: Point, end: Point) -> bool:
        """Whether a thin line from a label to its point crosses no other label and no curve."""
        short = (start[0] + 0.9 * (end[0] - start[0]), start[1] + 0.9 * (end[1] - start[1]))
        near = Box(end[0] - 8, end[1] - 8, end[0] + 8, end[1] + 8)
        boxes = [box for box in self.boxes if not box.meets(near)]
        return not any(box.cut_by(start, short) for box in boxes) and not any(
            _cross(start, short, *line) for line in self.lines
        )

    def _grid(self, width: float, height: float) -> Iterable[Box]:
        frame = self.frame
        for column in range(25):
            left = frame.left + (frame.right - frame.left - width) * column / 24
            for row in range(25):
                bottom = frame.bottom + (frame.top - frame.bottom - height) * row / 24
                yield Box(left, bottom, left + width, bottom + height)

    def _clearance(self, box: Box, within: Sequence[Box]) -> float:
        """How far a text can be moved up or down before it leaves its region, and how far it is from what is taken."""
        across = [region for region in within if region.left < box.right and box.left < region.right]
        above = min((region.top for region in across), default=box.top) - box.top
        below = box.bottom - max((region.bottom for region in across), default=box.bottom)
        taken = min((_gap(box, other) for other in self.boxes), default=math.inf)
        return min(above, below, taken)


def _box(anchor: Point, direction: Point, distance: float, width: float, height: float) -> Box:
    """The box of a label that lies in a direction from its point."""
    x, y = anchor[0] + direction[0] * distance, anchor[1] + direction[1] * distance
    left = x if direction[0] > 0 else x - width if direction[0] < 0 else x - width / 2
    bottom = y if direction[1] > 0 else y - height if direction[1] < 0 else y - height / 2
    return Box(left, bottom, left + width, bottom + height)


def _covered(box: Box, within: Sequence[Box]) -> bool:
    """Whether regions side by side hold the box."""
    across = [region for region in within if region.left < box.right and box.left < region.right]
    return (
        bool(across)
        and min(region.left for region in across) <= box.left
        and max(region.right for region in across) >= box.right
        and all(region.bottom <= box.bottom and box.top <= region.top for region in across)
    )


def _gap(one: Box, other: Box) -> float:
    """Distance between two boxes."""
    across = max(one.left - other.right, other.left - one.right, 0.0)
    along = max(one.bottom - other.top, other.bottom - one.top, 0.0)
    return math.hypot(across, along)


def _cross(first: Point, second: Point, third: Point, fourth: Point) -> bool:
    """Whether two lines cross."""

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return (
        side(first, second, third) * side(first, second, fourth) < 0
        and side(third, fourth, first) * side(third, fourth, second) < 0
    )
