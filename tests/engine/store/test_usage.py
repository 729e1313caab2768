"""What takes the room in a home."""

from pathlib import Path

from engine.store.usage import usage


def test_every_part_is_counted_once(tmp_path: Path) -> None:
    for name, size in (
        ("logs/1/1-1.log", 1),
        ("cache/checkouts/x", 2),
        ("cache/checkpoints/blobs/x", 3),
        ("strange", 4),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (size << 20))
    found = {part: round(size / (1 << 20)) for part, size in usage(tmp_path).items()}
    assert found == {"other": 4, "checkpoints of jobs": 3, "checkouts and actions": 2, "logs": 1}
