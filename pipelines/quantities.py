"""Durations and sizes as people write them. `10s`, `5m`, `1h30m`; `2g`, `512MiB`."""

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)

_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DECIMAL = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?(?:i?b)?)", re.ASCII | re.IGNORECASE)
_LONGEST_S = 10 * 365 * 86400.0
_LARGEST = 1 << 60


def duration_s(text: str) -> float:
    """Return the seconds that `text` names: numbers with the unit ms, s, m, h, d or w, added up (`1h30m`).

    A bare `0` is zero; any other number needs its unit. Raises ValueError with a sentence for a person.
    """
    written = text.strip()
    if written == "0":
        return 0.0
    if not _DURATION.fullmatch(written):
        raise ValueError(f"{text!r} is not a duration: write a number with its unit, such as 10s, 5m or 1h.")
    total = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(written))
    if total > _LONGEST_S:
        raise ValueError(f"{text!r} is longer than ten years.")
    return total


def size_bytes(text: str) -> int:
    """Return the bytes that `text` names. `2g`, `2GiB` and `2Gi` are powers of 1024 as in Docker; `2GB` is of 1000.

    A bare number counts bytes. Raises ValueError with a sentence for a person.
    """
    match = _SIZE.fullmatch(text.strip().removesuffix("i").removesuffix("I"))
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a number with its unit, such as 512MiB or 2g.")
    number, unit = match[1], match[2].lower()
    factor = _DECIMAL.get(unit) or _BYTES[unit.rstrip("b").rstrip("i")]
    size = float(number) * factor if "." in number else int(number) * factor
    if size > _LARGEST:
        raise ValueError(f"{text!r} is more than any machine has.")
    return int(size)
