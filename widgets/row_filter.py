"""What a filter typed into a list means: every word has to be in the row, in any cell and order. Pure."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Smart case: a word in small letters matches capitals too. An empty text matches everything."""

    text: str = ""
    words: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = (re.compile(re.escape(word), re.I if word == word.lower() else 0) for word in self.text.split())
        object.__setattr__(self, "words", tuple(words))

    def matches(self, text: str) -> bool:
        return all(word.search(text) for word in self.words)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in `text` any of the words is, in order and without overlap."""
        found = sorted(match.span() for word in self.words for match in word.finditer(text))
        joined: list[tuple[int, int]] = []
        for start, end in found:
            if joined and start <= joined[-1][1]:
                start, end = joined[-1][0], max(end, joined.pop()[1])
            joined.append((start, end))
        return joined
