"""The words that people look for in logs, and how a line is held against them. Pure."""

import re
from collections.abc import Sequence

from engine.core.errors import EngineError, SettingsError

_TOKEN = re.compile(r"[^\W_]+")
_ASKED = re.compile(r'"([^"]*)"|(\S+)')


class SearchError(EngineError):
    """A home whose logs are not searched, or a SQLite that cannot search."""


class Words:
    """What is looked for: words, or several words in a row; a `*` at the end stands for any ending. Case is ignored."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Raises SettingsError when there is nothing to look for: whoever asks has to ask otherwise."""
        self._patterns: list[re.Pattern[str]] = []
        asked: list[str] = []
        for text in texts:
            open_end = text.endswith("*")
            text = text.rstrip("*").strip()
            tokens = _TOKEN.findall(text)
            if not tokens:
                continue
            asked += [f'"{token}"' for token in tokens]
            if open_end and text[-1].isalnum():
                asked[-1] += "*"
            self._patterns.append(re.compile(_bounded(text, open_end), re.IGNORECASE))
        if not asked:
            raise SettingsError(f"{line_of(texts)!r} holds no word to look for.", "Words are letters and digits.")
        self.match = " AND ".join(asked)

    def in_line(self, line: str) -> int | None:
        """Return where the first word begins in a line that holds all, or None."""
        found = [pattern.search(line) for pattern in self._patterns]
        first = found[0]
        return first.start() if first is not None and all(found) else None


def words_of(line: str) -> list[str]:
    """Return the words of a line: what stands in double quotes is one, as it is."""
    return [row or word for row, word in _ASKED.findall(line)]


def line_of(words: Sequence[str]) -> str:
    """Return the line that `words_of` makes these words of."""
    return " ".join(f'"{word}"' if len(word.split()) > 1 else word for word in words)


def _bounded(text: str, open_end: bool) -> str:
    """Return a pattern for a text that begins and ends as the words of the index do."""
    before = r"(?<![^\W_])" if text[0].isalnum() else ""
    after = r"(?![^\W_])" if text[-1].isalnum() and not open_end else ""
    return f"{before}{re.escape(text)}{after}"
