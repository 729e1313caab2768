"""The headers of a request: names in any case, possibly twice, values written by anybody."""

from collections.abc import Iterable, Mapping

from engine.forges.errors import DeliveryError, malformed

MAX_VALUE = 1024


class Headers:
    """Headers by name. A mapping whose `items()` repeats a name (a multidict) keeps all its values."""

    def __init__(self, headers: "Mapping[str, str] | Iterable[tuple[str, str]]") -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            self._values.setdefault(name.lower(), []).append(value)

    def every(self, name: str) -> tuple[str, ...]:
        """Return the values of a header, in their order."""
        return tuple(self._values.get(name.lower(), ()))

    def one(self, name: str) -> str | None:
        """Return the value of a header that may stand only once, or None when it is absent or empty.

        Raises DeliveryError when it stands twice with different values (which one a proxy reads is anybody's guess)
        or is longer than 1 KiB (431).
        """
        values = set(self.every(name))
        if len(values) > 1:
            raise malformed(f"the header {name} stands more than once")
        value = next(iter(values), "")
        if len(value) > MAX_VALUE:
            raise DeliveryError(431, f"the header {name} is longer than {MAX_VALUE} characters")
        return value.strip() or None
