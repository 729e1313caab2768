"""Hides secret values in a stream of bytes, however the stream is cut. Never decides which values are secret.

What is hidden of each value: the value itself (without the white space around it), each of its lines, its base64
(all three alignments, URL-safe too, also as wrapped by `base64` and `openssl`), and its URL, JSON, XML and quoted
forms. Every place that any of these covers is hidden; covered places that touch become one `***`.

Short values: whoever calls a single letter a secret gets every such letter hidden, for the promise has no lower
bound. Lines of under four characters inside a longer value (the braces of a JSON key file) are hidden only as part
of the whole, and values of under four bytes have no encoded forms: these would blank out ordinary text.
"""

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import quote_from_bytes

from pipelines.records import dataclass

STARS = b"***"
SHORT = 4


class Mask:
    """A growing set of secret values. Adding one counts for all streams at once, from their next byte on.

    Not for several threads at a time. `refused` tells whether an empty value was ever offered.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.refused = False
        self._values: set[str] = set()
        self._forms: set[bytes] = set()
        self._index: _Index | None = None  # made when it is needed first: many values may come in a row
        self._learn(values)

    @property
    def values(self) -> frozenset[str]:
        """All that is hidden."""
        return frozenset(self._values)

    @property
    def count(self) -> int:
        """How many values are hidden: it grows with each new one."""
        return len(self._values)

    def add(self, value: str) -> bool:
        """Hide `value` from now on. False, and no change, for an empty or blank one: it would hide everything."""
        return self._learn((value,))

    def stream(self, open_: bool = False, covered: int = 0) -> "MaskStream":
        """Begin one stream of output; the arguments take up an earlier one where its `open` and `covered` stood."""
        return MaskStream(self, open_, covered)

    def text(self, text: str) -> str:
        """Return `text` with every secret hidden."""
        if not self._forms:
            return text
        return self.stream().flush(_bytes(text)).decode("utf-8", "surrogateescape")

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Return the places that secrets cover, in order, merged where they overlap or touch."""
        found: list[tuple[int, int]] = []
        for root, longer in self._indexed.roots:
            at = data.find(root)
            first = last = at
            while at >= 0:
                end = at + len(root)
                for form in longer:
                    if data.startswith(form, at):
                        end = at + len(form)
                        break
                if at > last:
                    found.append((first, last))
                    first = at
                last = max(last, end)
                if not longer:
                    last = _past_repeats(data, root, last)
                    at = last - len(root)
                at = data.find(root, at + 1)
            if last > first:
                found.append((first, last))
        return _merged(found) if len(found) > 1 else found

    def tail(self, data: bytes) -> int:
        """Return where the longest end of `data` starts that could still become a secret; its length if none could."""
        best = len(data)
        line = -1
        for form in self._indexed.longest:
            low = max(0, len(data) - len(form) + 1)
            if b"\n" not in form:
                if line < 0:
                    line = data.rfind(b"\n") + 1
                low = max(low, line)
            at = data.find(form[:1], low, best)
            while at >= 0:
                if form.startswith(data[at:]):
                    best = at
                    break
                at = data.find(form[:1], at + 1, best)
        return best

    def _learn(self, values: Iterable[str]) -> bool:
        """Take the values in."""
        fine = True
        for value in values:
            if not value.strip():
                self.refused, fine = True, False
            elif value not in self._values:
                self._values.add(value)
                self._forms.update(_forms(value.strip()))
                self._index = None
        return fine

    @property
    def _indexed(self) -> "_Index":
        if self._index is None:
            self._index = _index(self._forms)
        return self._index


@dataclass(frozen=True, slots=True)
class _Index:
    """Forms grouped by shared beginnings: only a root is searched for, its longer kin (the longest first) are compared
    where it is. `longest` are those that no other one goes on from."""

    roots: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    longest: tuple[bytes, ...]


def _index(forms: Collection[bytes]) -> _Index:
    groups: list[tuple[bytes, list[bytes]]] = []
    ordered = sorted(forms)
    for form in ordered:
        if groups and form.startswith(groups[-1][0]):
            groups[-1][1].append(form)
        else:
            groups.append((form, []))
    following = [*ordered, b""][1:]
    return _Index(
        tuple((root, tuple(sorted(longer, key=len, reverse=True))) for root, longer in groups),
        tuple(form for form, after in zip(ordered, following, strict=True) if not after.startswith(form)),
    )


class MaskStream:
    """One stream under a mask: bytes in, masked bytes out, holding back only an end that may be a secret's beginning.

    The output, taken together, is that of masking the whole input at once. `open` says that the last thing given out
    was `***`, `covered` how many of the held bytes belong to it; with both, another process can go on from there.
    """

    def __init__(self, mask: Mask, open_: bool, covered: int) -> None:
        self.open = open_
        self.covered = covered
        self._mask = mask
        self._held = b""

    @property
    def held(self) -> int:
        """How many bytes of the input are kept back now; always less than the longest form."""
        return len(self._held)

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be shown after `chunk`."""
        data = self._held + chunk if self._held else chunk
        return self._show(data, self._mask.tail(data))

    def flush(self, last: bytes = b"") -> bytes:
        """Return what was held back and `last`; the stream starts afresh, nothing later joins with what was before."""
        data = self._held + last if self._held else last
        shown = self._show(data, len(data))
        self.open, self.covered = False, 0
        return shown

    def _show(self, data: bytes, until: int) -> bytes:
        """Give out `data` up to `until` and hold the rest."""
        self._held = data[until:]
        if until == 0:
            return b""
        spans = self._mask.spans(data)
        if self.covered:
            spans = _merged([(0, min(self.covered, len(data))), *spans])
        if not spans:
            self.open = False
            return data if until == len(data) else data[:until]
        shown: list[bytes] = []
        at = 0
        for start, end in spans:
            if start >= until:
                break
            shown.append(data[at:start])
            if start > 0 or not self.open:
                shown.append(STARS)
            at = end
        self.open = at >= until
        self.covered = max(0, at - until)
        shown.append(data[at:until])
        return b"".join(shown)


def _past_repeats(data: bytes, root: bytes, at: int) -> int:
    """Return where the repeats of `root` that go on at `at` end, so that a megabyte of zeros is one find.

    Steps by the part that `root` itself repeats (`0` in `000`): each step ends one more place where `root` stands.
    """
    part = root[: (root + root).find(root, 1)]
    if data.startswith(part, at):
        many = part * (4096 // len(part) + 1)
        while data.startswith(many, at):
            at += len(many)
        while data.startswith(part, at):
            at += len(part)
    return at


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    spans.sort()
    merged = [spans[0]]
    for start, end in spans[1:]:
        if start > merged[-1][1]:
            merged.append((start, end))
        elif end > merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
    return merged


def _forms(value: str) -> Iterator[bytes]:
    """Every way in which `value` is hidden."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", value)]
    if len(lines) == 1 or any(0 < len(line) < SHORT for line in lines):
        yield _bytes(value)
    for line in lines:
        if len(line) >= SHORT:
            yield _bytes(line)
            yield from _escaped(line)
    raw = _bytes(value)
    if len(raw) >= SHORT:
        if len(lines) > 1:
            yield from (form for form in _escaped(value) if b"\n" not in form)
        for form in _base64(raw):
            yield form
            yield form.translate(bytes.maketrans(b"+/", b"-_"))


def _escaped(text: str) -> Iterator[bytes]:
    """`text` as it stands inside a URL, a JSON or XML document, an expression's or a shell's single quotes."""
    raw = _bytes(text)
    url = quote_from_bytes(raw, safe="")
    yield url.encode()
    yield re.sub("%..", lambda code: code[0].lower(), url).encode()
    yield url.replace("%20", "+").encode()
    yield json.dumps(text)[1:-1].encode()
    yield _bytes(json.dumps(text, ensure_ascii=False)[1:-1])
    xml = text.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
    yield _bytes(xml)
    yield _bytes(xml.replace('"', "&quot;").replace("'", "&apos;"))
    yield _bytes(text.replace("'", "''"))
    yield _bytes(text.replace("'", "'\\''"))


def _base64(raw: bytes) -> Iterator[bytes]:
    """The characters that `raw` alone decides, wherever it stands in what was encoded, and how they end after it."""
    for shift, lead in ((0, 0), (1, 2), (2, 3)):
        code = base64.b64encode(bytes(shift) + raw)[lead:]
        sure = code[: (shift + len(raw)) * 8 // 6 - lead]
        yield sure
        yield code.rstrip(b"=")
        yield code
        if shift == 0:
            for width in (64, 76):
                yield b"\n".join(sure[at : at + width] for at in range(0, len(sure), width))


def _bytes(text: str) -> bytes:
    """`text` as programs print it; bytes that were no UTF-8 come out as they went in."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
