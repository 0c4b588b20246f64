"""Rectangles in proportion to numbers: a squarified treemap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; the unit is that of the box that was divided."""

    left: float
    top: float
    width: float
    height: float


def divide(sizes: Sequence[float], box: Box) -> list[Box]:
    """The box, divided among the sizes (positive, largest first) into rectangles that are as square as can be, row by row."""
    boxes: list[Box] = []
    rest, scale = box, box.width * box.height / (sum(sizes) or 1)
    areas = [size * scale for size in sizes]
    start = 0
    while start < len(areas):
        side = min(rest.width, rest.height)
        end = _end_of_row(areas, start, side)
        row, rest = _row(areas[start:end], rest)
        boxes += row
        start = end
    return boxes


def _end_of_row(areas: Sequence[float], start: int, side: float) -> int:
    """Where a row ends that would only get worse by one more."""
    total, end = areas[start], start + 1
    worst = _worst(total, areas[start], areas[start], side)
    while end < len(areas):
        longer = _worst(total + areas[end], areas[start], areas[end], side)
        if longer > worst:
            break
        total, worst, end = total + areas[end], longer, end + 1
    return end


def _worst(total: float, largest: float, smallest: float, side: float) -> float:
    """How far the least square rectangle of a row is from a square; 1 is a square."""
    if not total or not side or not smallest:
        return float("inf")
    return max(side * side * largest / (total * total), total * total / (side * side * smallest))


def _row(areas: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """The areas side by side along the shorter side of the box, and what is left of the box."""
    total = sum(areas)
    boxes: list[Box] = []
    if box.width >= box.height:
        width, top = total / (box.height or 1), box.top
        for area in areas:
            boxes.append(Box(box.left, top, width, area / (width or 1)))
            top += area / (width or 1)
        return boxes, Box(box.left + width, box.top, max(box.width - width, 0), box.height)
    height, left = total / (box.width or 1), box.left
    for area in areas:
        boxes.append(Box(left, box.top, area / (height or 1), height))
        left += area / (height or 1)
    return boxes, Box(box.left, box.top + height, box.width, max(box.height - height, 0))
