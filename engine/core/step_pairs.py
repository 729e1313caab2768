"""Which step of one attempt answers to which of another, whose workflow may have been another. Pure."""

from collections import Counter
from collections.abc import Sequence

from engine.core.log_normal import normal_text


def pairs(steps: Sequence[str], others: Sequence[str]) -> list[int | None]:
    """Return, for each of `steps` by name, the place of its like among `others`, or None.

    Names first: the second of a name answers to the second of it. What is left stands between steps that have a like,
    and answers to what is left between those, in order.
    """
    places = {key: place for place, key in enumerate(_counted(others))}
    found = [places.get(key) for key in _counted(steps)]
    free = set(places.values()) - {place for place in found if place is not None}
    low = -1
    for at, place in enumerate(found):
        if place is None:
            high = next((later for later in found[at + 1 :] if later is not None), len(others))
            place = found[at] = next((one for one in range(low + 1, high) if one in free), None)
            free.discard(-1 if place is None else place)
        if place is not None:
            low = place
    return found


def _counted(names: Sequence[str]) -> list[tuple[str, int]]:
    """Return each name with how often it has come before."""
    seen: Counter[str] = Counter()
    counted = []
    for name in map(normal_text, names):
        counted.append((name, seen[name]))
        seen[name] += 1
    return counted
