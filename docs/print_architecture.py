"""What the page on the architecture shows of the code: its rooms and who imports whom, its threads, its folders."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docs.markdown import cell, table

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "engine", "pipelines", "widgets")
GROUND = ("bus", "doorbell")


def rooms() -> str:
    """Return who imports whom as a picture: an arrow that follows from two others is left out."""
    sizes: Counter[str] = Counter()
    edges: dict[str, set[str]] = {}
    for path, tree in _modules():
        room = _room(path.with_suffix("").as_posix().replace("/", "."))
        sizes[room] += 1
        for name in _imported(tree):
            if name.split(".")[0] in ROOMS and (other := _room(name)) != room:
                edges.setdefault(room, set()).add(other)
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {_id(room)}["{room}<br>{sizes[room]} files"]' for room in sorted(sizes)]
    for room in sorted(edges):
        for other in sorted(edges[room]):
            if not any(other in _below(edges, between) for between in edges[room] - {other}):
                lines.append(f"    {_id(room)} --> {_id(other)}")
    return "\n".join([*lines, "```"])


def threads() -> str:
    """Return the threads that live as long as the engine: their names, what wakes them, what they are for."""
    rows = []
    for path, tree in _modules():
        if path.parts[0] != "engine" and path.parts[:2] != ("app", "server"):
            continue
        for one in ast.walk(tree):
            if not isinstance(one, ast.ClassDef):
                continue
            for call in ast.walk(one):
                if isinstance(call, ast.Call) and (told := _thread(call)):
                    rows.append(f"| {told[0]} | {told[1]} | {_promise(tree)} | `{path}` |")
    return table(("thread", "woken by", "for", "in"), sorted(rows))


def folders() -> str:
    """Return what lies in a home, as far as its store makes it."""
    from engine.store.store import FOLDERS

    return ", ".join(f"`{name}/`" for name in sorted(FOLDERS))


@cache
def _modules() -> tuple[tuple[Path, ast.Module], ...]:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if path.name != "__init__.py"]
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text())) for path in paths)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _room(name: str) -> str:
    """Return the room of a module; in the engine a folder."""
    parts = name.split(".")
    if parts[0] == "engine" and len(parts) > 1:
        part = parts[1]
        if part in GROUND:
            return "engine/bus"
        return f"engine/{part}" if part not in ("engine", "home") else "engine"
    return parts[0]


def _id(room: str) -> str:
    return room.replace("/", "_")


def _below(edges: dict[str, set[str]], room: str) -> set[str]:
    """Return the rooms that a room leads to, in one step or in several."""
    seen: set[str] = set()
    waiting = [room]
    while waiting:
        found = edges.get(waiting.pop(), set()) - seen
        seen |= found
        waiting += found
    return seen


def _thread(call: ast.Call) -> tuple[str, str] | None:
    """Return the name of the thread that a call makes for as long as the engine lives, and the topics that wake it."""
    words = [_text(one) for one in call.args]
    if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__" and len(words) >= 4 and words[0]:
        if not all(isinstance(one, ast.Name) for one in call.args[1:4]):
            return None
        topics = ", ".join(f"`{word}`" for word in words[4:] if word)
        return f"`{words[0]}`", topics or "time alone"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "Thread":
        name = next((_text(one.value) for one in call.keywords if one.arg == "name"), "")
        runs = next((one.value for one in call.keywords if one.arg == "target"), None)
        if name and isinstance(runs, ast.Attribute) and runs.attr == "_run":
            return f"`{name}`", "its own waiting"
    return None


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _promise(tree: ast.Module) -> str:
    """Return what a module is for, as its first sentence says."""
    text = " ".join((ast.get_docstring(tree) or "").split())
    return cell(re.split(r"(?<=\.)\s", text)[0].rstrip("."))
