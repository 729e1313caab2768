r"""What of a log differs at every run without meaning anything, as placeholders. Pure; the one place that knows.

Comparing and fingerprints look at logs through `normal`: instants, durations, sizes, shares, hashes, ids, addresses,
ports, process ids, temporary paths, colours and what a progress bar overwrote are gone, each for a word in `<>`. Exit
codes, places in files, counts and versions stay; when in doubt, a text stays as it is.

A few regular expressions work on whole chunks. Each begins with a literal or a set of characters, which `re` skips to
quickly, so that what must not stand before it is looked for behind that: `[0-9](?<!\w[0-9])`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTH = rb"(?:%b)[a-z]{0,6}" % b"|".join(_MONTHS)
_REST_OF_CLOCK = rb":[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?: ?[AaPp][Mm])?"
_CLOCK = rb"[0-9]{1,2}" + _REST_OF_CLOCK
_ZONE = rb"(?: ?(?:Z|UTC|GMT|CES?T|[ECMP][SD]T|[+-][0-9]{2}:?[0-9]{2})(?!\w))?"
_REST_OF_UUID = rb"[0-9a-fA-F]{7}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UNIT = rb"(?:milli|micro|nano)?sec(?:ond)?s?|min(?:ute)?s?|hours?|hrs?|days?|[mun]s"
_NUMBER = rb"[0-9]*(?:[.,][0-9]+)?"  # behind its first digit
_PIECE = 256 * 1024

# What begins with a digit: what it is, and its patterns behind that digit.
_FREE = {  # also behind a dot
    b"id": (_REST_OF_UUID,),
    b"hash": (rb"(?=[0-9]*[a-f])[0-9a-f]{6,127}",),
}
_NUMERIC = {
    b"time": (
        rb"[0-9]{3}[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12][0-9]|3[01])"
        rb"(?:[T ][0-9]{2}(?:%b|:[0-9]{2}(?!:)))?%b" % (_REST_OF_CLOCK, _ZONE),
        rb"[0-9]?[ /-]%b[ /-][0-9]{4}(?:[ :,T]{1,2}%b)?%b" % (_MONTH, _CLOCK, _ZONE),
        rb"(?<!:[0-9])[0-9]?%b%b" % (_REST_OF_CLOCK, _ZONE),
        rb"(?<=1)[5-9][0-9]{8}(?:[0-9]{3}|\.[0-9]{1,9})",  # since 1970; whole seconds may as well be a count
    ),
    b"duration": (
        rb"[0-9]*h ?[0-9]+m(?: ?[0-9]+(?:\.[0-9]+)?s)?",
        rb"[0-9]*m ?[0-9]+(?:\.[0-9]+)?s",
        rb"[0-9]*(?:\.[0-9]+)?(?:[mun\xb5]|\xc2\xb5|\xce\xbc)?s",
        rb"[0-9]*\.[0-9]+ s",
        rb"%b (?:%b)" % (_NUMBER, _UNIT),
    ),
    b"percent": (rb"%b ?%%" % _NUMBER,),
    b"size": (
        rb"%b ?(?:[kKMGT]i?B)(?:/s(?:ec)?)?" % _NUMBER,
        rb"[0-9]*\.[0-9]+[kKMGT]",
    ),
    b"rate": (rb"%b ?[a-z]{1,12}/s(?:ec)?" % _NUMBER,),
    b"address": (rb"(?<=0)(?<!code 0)(?<!code: 0)(?<!status 0)x[0-9a-fA-F]{6,16}",),
}
_NAMES = (b"", *(b"<%b>" % name for name in (*_FREE, *_NUMERIC)))


def _behind_initial(names: tuple[bytes, ...]) -> bytes:
    return rb"(?:%b)[a-z]{0,6}" % b"|".join(b"(?<=%b)%b" % (name[:1], name[1:]) for name in names)


def _alternatives(kinds: Mapping[bytes, tuple[bytes, ...]]) -> bytes:
    """Return all as one pattern; each ends where a word does, but for what ends in a sign."""
    ends = {b"percent": b""}
    parts = ((b"|".join(patterns), ends.get(kind, rb"(?!\w)")) for kind, patterns in kinds.items())
    return b"|".join(b"((?:%b)%b)" % part for part in parts)


def _name(match: re.Match[bytes]) -> bytes:
    return _NAMES[match.lastindex or 0]


class _Rule(NamedTuple):
    """One pass. Where none of the `hints` stands, there is nothing to do, nor is the pattern compiled before."""

    pattern: bytes
    made: bytes | Callable[[re.Match[bytes]], bytes]
    hints: tuple[bytes, ...] = ()

    def apply(self, data: bytes) -> bytes:
        if self.hints and not any(hint in data for hint in self.hints):
            return data
        return re.sub(self.pattern, self.made, data)


_BARE = (
    # Colours and what else commands a terminal; what a carriage return let be written over.
    _Rule(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])?", b"", (b"\x1b",)),
    _Rule(rb"\r(?<!\r\r)\r*(?=\n|\Z)", b"", (b"\r",)),
    _Rule(rb"(?m)^[^\n]*\r", b"", (b"\r",)),
)
_RULES = (
    *_BARE,
    # Paths that are made up anew each time, the engine's own among them.
    _Rule(
        (
            rb"""(/(?<![\w.>-]/)(?:private/)?(?:var/)?tmp/)(?:tmp[-_.\w]|pip-[a-z-]+-|[^/\s'"`:;,<>()\[\]{}]*"""
            rb"""(?:[0-9][A-Za-z_]|[0-9]{3}))[^/\s'"`:;,<>()\[\]{}]*"""
        ),
        rb"\1<tmp>",
        (b"tmp/",),
    ),
    _Rule(rb"pytest-of-[^/\s<>]{1,64}/pytest-(?:[0-9]+|current)", b"pytest-of-<tmp>", (b"pytest-of-",)),
    _Rule(rb"/var/folders/[^/\s<>]{1,64}/[^/\s<>]{1,64}/", b"/var/folders/<tmp>/", (b"/var/folders/",)),
    _Rule(rb"t(?<!\wt)mp(?:\.[A-Za-z0-9]{6,12}|(?=[a-z_]*[0-9])[a-z0-9_]{8})(?!\w)", b"<tmp>", (b"tmp",)),
    _Rule(rb"/work/[0-9]+-[0-9]+(?=/)", b"/work/<tmp>", (b"/work/",)),
    _Rule(rb"Attempt: [0-9]+, on [^\n]*", b"Attempt: <attempt>", (b"Attempt: ",)),
    _Rule(rb"\(j[0-9]+\)", b"(<job>)", (b"(j",)),
    # Who listens where, and which process it is.
    _Rule(rb"localhost:[0-9]{2,5}(?!\w)", b"localhost:<port>", (b"localhost:",)),
    _Rule(rb"(127\.0\.0\.1|0\.0\.0\.0):[0-9]{2,5}(?!\w)", rb"\1:<port>", (b".0.1:", b".0.0:")),
    _Rule(rb"(\[::1?\]):[0-9]{2,5}(?!\w)", rb"\1:<port>", (b"[::",)),
    _Rule(rb"""([pP](?<!\w[pP])(?:id|ID)["']?[ =:#]{1,3})[0-9]+(?!\w)""", rb"\1<pid>", (b"id", b"ID")),
    _Rule(rb"\[(?<=\w\[)[0-9]{3,7}\]:", b"[<pid>]:", (b"]:",)),
    _Rule(rb"==[0-9]{2,7}==", b"==<pid>==", (b"==",)),
    # Instants that begin with a name or a letter, and how a progress bar tells of its time.
    _Rule(rb"([IWEF])(?<!\w[IWEF])[0-9]{4} %b +[0-9]+(?= )" % _CLOCK, rb"\1<time>"),
    _Rule(
        (
            rb"[ADFJMNOSTW](?<!\w[A-Z])(?=[a-z]{2,8},? )(?:%(initial)b +[0-9]{1,2}|"
            rb"%(day)b,? +(?:%(month)b +[0-9]{1,2}|[0-9]{1,2}[ -]%(month)b[ -][0-9]{2,4}))"
            rb"(?:,? [0-9]{4})?,?[ T]+%(clock)b%(zone)b(?: [0-9]{4})?(?!\w)"
            % {
                b"initial": _behind_initial(_MONTHS),
                b"day": _behind_initial(_DAYS),
                b"month": _MONTH,
                b"clock": _CLOCK,
                b"zone": _ZONE,
            }
        ),
        b"<time>",
    ),
    _Rule(rb"\[[0-9:?]+<[^\]\n<>]{1,60}\]", b"[<duration>]", (b"<",)),
    # The many that begin with a digit, in one pass, and ids that begin with a letter.
    _Rule(
        rb"[0-9](?<!\w[0-9])(?:%b|(?<!\.[0-9])(?:%b))" % (_alternatives(_FREE), _alternatives(_NUMERIC)),
        _name,
    ),
    _Rule(
        rb"[a-f](?<!\w[a-f])(?=[a-f]*[0-9])(?:[0-9a-f]{6,127}(?!\w|-[0-9a-f]{4}-)|%b(?!\w))" % _REST_OF_UUID,
        lambda match: b"<id>" if b"-" in match[0] else b"<hash>",
    ),
    _Rule(rb"[A-F](?<!\w[A-F])%b(?!\w)" % _REST_OF_UUID, b"<id>"),
)


def normal(data: bytes) -> bytes:
    """Return whole lines without what differs at every run; there are as many lines in it as in `data`.

    What is normal stays as it is: `normal(normal(x)) == normal(x)`.
    """
    return b"".join(_applied(_RULES, piece) for piece in _pieces(data))


def bare(data: bytes) -> bytes:
    """Return whole lines as a terminal would have shown them last, without colours."""
    return b"".join(_applied(_BARE, piece) for piece in _pieces(data))


def _applied(rules: Sequence[_Rule], data: bytes) -> bytes:
    for rule in rules:
        data = rule.apply(data)
    return data


def _pieces(data: bytes) -> Iterator[bytes]:
    """Yield whole lines, few enough that nobody waits for long who shares this interpreter."""
    at = 0
    while len(data) - at > _PIECE:
        end = data.rfind(b"\n", at, at + _PIECE) + 1 or data.find(b"\n", at + _PIECE) + 1 or len(data)
        yield data[at:end]
        at = end
    yield data[at:]


def normal_text(text: str) -> str:
    """Return the same of a text, in one line without white space around it."""
    return normal(" ".join(text.split()).encode("utf-8", "replace")).decode("utf-8", "replace").strip()
