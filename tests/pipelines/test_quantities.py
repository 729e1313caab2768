"""The laws of durations and sizes."""

import pytest

from pipelines.quantities import duration_s, size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("90d", 7_776_000),
        ("0", 0),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "5 minutes", "-1s", "1y", "s", "1h 30m", "9999999999w", "1e3s", "١s"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("512", 512), ("2g", 2 << 30), ("2G", 2 << 30), ("2GiB", 2 << 30), ("2Gi", 2 << 30),
        ("2GB", 2 * 10**9), ("512MiB", 512 << 20), ("1.5k", 1536), ("64m", 64 << 20), ("10b", 10), ("1 TiB", 1 << 40),
    ],
)  # fmt: skip
def test_a_size_is_a_number_with_a_unit(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "g", "-1m", "2 gigs", "1e9", "9999999t", "2gg", "i"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|machine"):
        size_bytes(text)
