"""How a length of time reads to a person. Pure."""


def span(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `3 m 05 s` or `2 h 07 m`; less than nothing counts as nothing."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
