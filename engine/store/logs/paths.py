"""Where the log of an attempt is, and what lies beside it. Opens nothing."""

from pathlib import Path


def log_path(home: Path, run_id: int, job_id: int, attempt: int) -> Path:
    """Where the log of an attempt is while it is plain; its other forms and its index bear the same name."""
    return home / "logs" / str(run_id) / f"{job_id}-{attempt}.log"


def index_path(path: Path) -> Path:
    """Where the index of the log at `path` is."""
    return path.with_suffix(".idx")


def packed_path(path: Path) -> Path:
    """Where the compressed form of the log at `path` is."""
    return path.with_suffix(path.suffix + ".zst")
