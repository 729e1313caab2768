"""Where a step from one node of a picture leads."""

from widgets.dag_picture import Picture


def along(picture: Picture, number: int, rows: int) -> int:
    """Return the node so many places further down its column (up, if negative), as far as there are any."""
    column = _column(picture, number)
    return column[min(max(column.index(number) + rows, 0), len(column) - 1)]


def to_end(picture: Picture, number: int, last: bool) -> int:
    """Return the first or the last node of the column."""
    return _column(picture, number)[-1 if last else 0]


def across(picture: Picture, number: int, columns: int, came_from: int | None = None) -> int:
    """Return a dependent, or a need if `columns` is negative: the one that one came from, else the nearest by row.

    Without any, the node itself.
    """
    if columns < 0:
        near = list(picture.needs[number])
    else:
        near = [other for other, needs in enumerate(picture.needs) if number in needs]
    if came_from in near:
        return came_from
    y = picture.boxes[number].y
    return min(near, key=lambda other: abs(picture.boxes[other].y - y), default=number)


def at(picture: Picture, x: int, y: int) -> int | None:
    """Return the node whose box has this cell."""
    boxes = enumerate(picture.boxes)
    return next((number for number, box in boxes if box.y == y and box.x <= x < box.x + box.width), None)


def _column(picture: Picture, number: int) -> tuple[int, ...]:
    return next(column for column in picture.columns if number in column)
