"""Adds and removes a repository in `treadle.yml` without touching a character of anything else.

Only lines are put in or taken out (a configuration in JSON is written anew), and the result is read again: if it does
not say exactly what it said before, but for that repository, nothing is written and the person is told what to write.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from engine.core.errors import SettingsError
from engine.settings.file import REPO
from engine.settings.model import RepoSettings
from engine.settings.values import VARIABLE, Setting, section
from pipelines.scalars import scalar_value
from pipelines.source import Mapping as Pairs
from pipelines.source import Node, Scalar, Sequence, SourceError, read

PLAIN = re.compile(r"[A-Za-z0-9/$~.][A-Za-z0-9_./@${}~+=:-]*")
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def entry_settings(entry: Mapping[str, str]) -> RepoSettings:
    """Return what an entry of `repos:` means. Variables are not looked up. Raises SettingsError."""
    if not NAME.fullmatch(entry["name"]):
        raise SettingsError(f"{entry['name']!r} is no name for a repository.", "A name is such as site or team/site.")
    variables = {name: "x" for value in entry.values() for name in VARIABLE.findall(value)}
    root = read("\n".join(_lines(entry, 0))).root
    assert isinstance(root, Sequence)
    made = section(RepoSettings, REPO, ("name", "url"))(Setting(Path("repos"), root.items[0], "repo", variables))
    assert isinstance(made, RepoSettings)
    return made


def add_repo(text: str, entry: Mapping[str, str]) -> str:
    """Return the configuration with one more repository. Raises SettingsError when that cannot be done safely."""
    entry_settings(entry)
    before, repos = _read(text)
    if any(isinstance(one, dict) and one.get("name") == entry["name"] for one in before.get("repos") or []):
        raise SettingsError(f"There is a repository {entry['name']!r} already.", "`treadle repo list` shows them.")
    said = {key: scalar_value(value) if _written(value) == value else value for key, value in entry.items()}
    wanted = {**before, "repos": [*(before.get("repos") or []), said]}
    if _is_json(text):
        return _json(wanted)
    lines = _split(text)
    if repos is None:
        lines = [*lines, *([""] if lines and lines[-1].strip() else []), "repos:", *_lines(entry, 2)]
    elif isinstance(repos, Sequence) and _is_block(lines, repos):
        end = _end(lines, repos)
        lines[end:end] = _lines(entry, repos.column - 1)
    else:
        at = _key_line(lines)
        if at is None or not re.fullmatch(r"repos:\s*(?:\[\s*\])?\s*(?:#.*)?", lines[at]):
            _refuse(entry)
        lines[at : at + 1] = [re.sub(r"\s*\[\s*\]", "", lines[at], count=1), *_lines(entry, 2)]
    after = "\n".join(lines) + "\n"
    if not _says(after, wanted):
        _refuse(entry)
    return after


def remove_repo(text: str, name: str) -> str:
    """Return the configuration without a repository. Raises SettingsError: there is none, or it is no safe edit."""
    before, repos = _read(text)
    kept = [one for one in before.get("repos") or [] if not (isinstance(one, dict) and one.get("name") == name)]
    if len(kept) == len(before.get("repos") or []):
        raise SettingsError(f"There is no repository {name!r} in the configuration.")
    if _is_json(text):
        return _json({**before, "repos": kept})
    lines = _split(text)
    unsafe = SettingsError(f"The configuration cannot be edited safely: take {name!r} out of `repos:` by hand.")
    if not isinstance(repos, Sequence) or not _is_block(lines, repos):
        raise unsafe
    index = next(i for i, one in enumerate(before["repos"]) if isinstance(one, dict) and one.get("name") == name)
    start = _dash(lines, repos, index)
    stop = _dash(lines, repos, index + 1) if index + 1 < len(repos.items) else _end(lines, repos)
    while stop > start + 1 and not _belongs(lines[stop - 1], repos.column - 1):
        stop -= 1  # what stands before the next one is the next one's
    del lines[start:stop]
    if not kept:
        at = _key_line(lines)
        if at is None:
            raise unsafe
        lines[at] = lines[at].replace("repos:", "repos: []", 1)
    after = "\n".join(lines) + "\n"
    if not _says(after, {**before, "repos": kept}):
        raise unsafe
    return after


def read_text(path: Path) -> str:
    """Return the configuration's text; empty when there is none yet."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration {path} cannot be read: {error}.") from None


def write_text(path: Path, text: str) -> None:
    """Replace the configuration as a whole, or not at all. A new one is its owner's alone."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(mode)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SettingsError(f"The configuration {path} cannot be written: {error.strerror}.") from None


# -- inside ---------------------------------------------------------------------------------------------------------


def _read(text: str) -> tuple[dict[str, Any], Node | None]:
    """Return what a configuration says, and the node of its repositories."""
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return {}, None
    try:
        document = read(text)
    except SourceError as error:
        raise SettingsError(error.finding.line_for("treadle.yml")) from None
    if document.findings or not isinstance(document.root, Pairs):
        raise SettingsError("The configuration has faults.", "Mend it first; `treadle doctor` shows them.")
    return _said(document.root), next((value for key, value in document.root.pairs if key.text == "repos"), None)


def _said(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_said(item) for item in node.items]
    return {key.text: _said(value) for key, value in node.pairs}


def _is_json(text: str) -> bool:
    """Is it JSON, which YAML takes as well? It has no comments to lose and no lines to keep."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return _read(text)[0] == wanted
    except SettingsError:
        return False


def _split(text: str) -> list[str]:
    """Return the lines as they are: what else may end a line, and is not touched, stays in them."""
    return text.removesuffix("\n").split("\n") if text else []


def _lines(entry: Mapping[str, str], indent: int) -> list[str]:
    """Return an entry as lines of a block sequence."""
    return [
        f"{' ' * indent}{'  ' if number else '- '}{key}: {_written(value)}"
        for number, (key, value) in enumerate(entry.items())
    ]


def _written(value: str) -> str:
    safe = PLAIN.fullmatch(value) and not value.endswith(":") and isinstance(scalar_value(value), str | bool)
    return value if safe else json.dumps(value, ensure_ascii=False)


def _is_block(lines: list[str], repos: Sequence) -> bool:
    return lines[repos.line - 1][repos.column - 1 :].startswith("-")


def _key_line(lines: list[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if line.startswith("repos:")), None)


def _belongs(line: str, indent: int) -> bool:
    """Tell whether a line of the sequence is an item's own: it has content, or is a comment further in."""
    depth = len(line) - len(line.lstrip())
    return bool(line.strip()) and (depth > indent or not line.lstrip().startswith("#"))


def _end(lines: list[str], repos: Sequence) -> int:
    """Return the index of the line after the last item's last."""
    indent, end = repos.column - 1, repos.line
    for number in range(repos.line, len(lines)):
        line = lines[number]
        depth = len(line) - len(line.lstrip())
        if line.strip() and not line.lstrip().startswith("#"):
            if depth < indent or (depth == indent and not re.match(r"-(?:\s|$)", line.lstrip())):
                break
            end = number + 1
        elif line.strip() and depth > indent:
            end = number + 1
    return end


def _dash(lines: list[str], repos: Sequence, index: int) -> int:
    """Return the index of the line that begins an item."""
    at = repos.items[index].line - 1
    while at > 0 and not re.match(rf"\s{{{repos.column - 1}}}-(?:\s|$)", lines[at]):
        at -= 1
    return at


def _refuse(entry: Mapping[str, str]) -> NoReturn:
    wanted = "\n".join(_lines(entry, 2))
    raise SettingsError("The configuration cannot be edited safely.", f"Put this under `repos:` yourself:\n{wanted}")
