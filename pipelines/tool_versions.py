"""Versions of tools: which of them a range takes, and what the files say that name one. Pure."""

import json
import re

_PART = re.compile(r"(?P<op>>=|<=|>|<|=|==|\^|~>|~)?\s*v?(?P<version>\d+(?:\.(?:\d+|[xX*]))*(?:[-+_.]?\w+)*|[xX*])")


class VersionError(ValueError):
    """A text that is no version and no range of them."""


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version, such as 3.11.4, is one of those that are wanted: 3, 3.11, 3.x, >=3.9 <4, ^20.1, 18 || 20.

    A version that is given in part takes all that begin so. Raises VersionError.
    """
    have = _numbers(version)
    return any(_in_all(have, part) for part in wanted.replace(",", " ").split("||"))


def version_of(name: str, text: str) -> str:
    """Return the version that a file names: .python-version, .nvmrc, .tool-versions, go.mod, package.json and others.

    Raises VersionError.
    """
    if name == "package.json":
        return _from_package(text)
    if name == "global.json":
        return _field(text, "sdk", "version")
    if name in ("go.mod", "go.work"):
        found = re.search(r"(?m)^toolchain\s+go(\S+)", text) or re.search(r"(?m)^go\s+(\S+)", text)
        if found:
            return found[1]
        raise VersionError("it names no version")
    if name == "pyproject.toml":
        found = re.search(r"(?m)^\s*requires-python\s*=\s*[\"']([^\"']+)", text)
        if found:
            return found[1]
        raise VersionError("it has no requires-python")
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    words = [line for line in lines if line]
    if name == ".tool-versions":
        known = {line[0]: line[1] for line in words if len(line) > 1}
        tools = ("python", "nodejs", "node", "golang", "go", "java", "dotnet", "ruby")
        return next((known[tool] for tool in tools if tool in known), "")
    if not words:
        raise VersionError("it is empty")
    return words[0][0]


def _from_package(text: str) -> str:
    for path in (("volta", "node"), ("devEngines", "runtime", "version"), ("engines", "node")):
        try:
            return _field(text, *path)
        except VersionError:
            continue
    raise VersionError("it names no version of node")


def _field(text: str, *path: str) -> str:
    try:
        value = json.loads(text)
        for name in path:
            value = value[name]
    except (ValueError, KeyError, TypeError):
        raise VersionError(f"it has no {'.'.join(path)}") from None
    return str(value)


def _in_all(have: tuple[int, ...], text: str) -> bool:
    text = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", text.strip())
    position, count = 0, 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise VersionError(f"{text!r} is no range of versions")
        if not _in_one(have, match["op"] or "", match["version"]):
            return False
        position, count = match.end(), count + 1
        while position < len(text) and text[position].isspace():
            position += 1
    if not count:
        raise VersionError("a range of versions is empty")
    return True


def _in_one(have: tuple[int, ...], op: str, text: str) -> bool:
    want = _numbers(text)
    same = have[: len(want)] == want
    padded = have + (0,) * max(0, len(want) - len(have))
    if op in ("", "=", "=="):
        return same
    if op == "^":
        fixed = next((index for index, number in enumerate(want) if number), len(want) - 1) + 1
        return padded >= want and have[:fixed] == want[:fixed]
    if op in ("~", "~>"):
        fixed = max(1, min(2, len(want)) if op == "~" else len(want) - 1)
        return padded >= want and have[:fixed] == want[:fixed]
    if op == ">=":
        return padded >= want
    if op == ">":
        return padded > want and not same
    if op == "<=":
        return padded <= want or same
    return padded < want


def _numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version; x and * end them."""
    found = []
    for part in re.split(r"[.+_-]", text):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)
