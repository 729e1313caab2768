"""The import laws: who may import whom, where each library may be named, and what the quick commands must not load."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("app", "engine", "pipelines", "widgets")

# The floor of each room, from the ground up; a module may import its own floor's room and anything lower.
FLOORS = {
    "app": ("app", "engine", "pipelines", "widgets"),
    "engine": ("engine", "pipelines"),
    "pipelines": ("pipelines",),
    "widgets": ("widgets",),
}

# Inside the engine: what each part may import of its neighbours. A part is a folder or a file.
# What is not listed here, such as engine.py, stands at the top.
GROUND = {"core", "store", "git", "forges", "settings", "bus", "doorbell", "made_again"}
ENGINE_FLOORS = {
    "core": {"core"},
    "made_again": {"made_again", "core"},
    "store": {"store", "core", "settings", "made_again"},
    "git": {"git", "core", "made_again"},
    "forges": {"forges", "core"},
    "settings": {"settings", "core"},
    "bus": {"bus", "core"},
    "doorbell": {"doorbell", "core", "made_again"},
    "control": GROUND | {"control"},
    "worker": GROUND | {"worker"},
}

# Inside the app: what is common to its faces is below them, and no face looks into another. `treadle web` opens the
# terminal UI, and that serves a home itself where no engine does.
APP_FLOORS = {
    "common": {"common", "views"},
    "views": {"common", "views"},
    "server": {"common", "views", "server"},
    "cli": {"common", "views", "server", "cli"},
    "tui": {"common", "views", "server", "tui"},
    "web": {"common", "views", "server", "tui", "web"},
}
APP_EXCEPT = {
    ("app/client.py", "app.server.sockets"),  # where a home is listened on
    ("app/cli/web.py", "app.tui"), ("app/cli/web.py", "app.web"),
    ("app/tui/main.py", "app.cli.place"),
}  # fmt: skip

# Where a library may be named: path prefixes from the root.
LIBRARIES = {
    "peewee": ("engine/store/",),
    "playhouse": ("engine/store/",),
    "textual": ("widgets/", "app/tui/"),
    "rich": ("widgets/", "app/"),
    "docker": ("engine/worker/docker/", "engine/worker/swarm/"),
    "pygit2": ("engine/git/",),
    "aiohttp": ("app/server/", "app/client", "app/web/", "engine/control/telling/reporter"),
    "textual_serve": ("app/web/", "app/cli/web.py"),
    "watchfiles": ("engine/control/triggers",),
}

CLOCK_CALLS = {
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"), ("time", "perf_counter"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip

QUICK = ("validate", "expr", "graph", "list")
SLOW = ("textual", "docker", "pygit2", "aiohttp")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(), str(path))


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a module imports, anywhere in it: `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, homes: tuple[str, ...]) -> bool:
    return any(name == home or name.startswith(home + ".") for home in homes)


TREES = list(modules())


def test_no_import_is_relative():
    found = [f"{path}:{node.lineno}" for path, tree in TREES for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node.level]  # fmt: skip
    assert found == []


def test_a_room_imports_nothing_above_it():
    found = [
        f"{path}:{line} imports {name}"
        for path, tree in TREES
        for line, name in imports(tree)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in FLOORS[path.parts[0]]
    ]
    assert found == []


def room_of(module: str) -> str:
    """Return the room of the app that a module (`app.tui.pages.X`) belongs to; a file directly in it is common."""
    name = module.split(".")[1]
    return name if name in APP_FLOORS else "common"


def test_a_room_of_the_app_looks_into_none_above_it():
    found = [
        f"{path}:{line} imports {name}"
        for path, tree in TREES
        if path.parts[0] == "app"
        for line, name in imports(tree)
        if name.startswith("app.")
        and room_of(name) not in APP_FLOORS[room_of(".".join(path.with_suffix("").parts))]
        and not any(str(path) == place and within(name, (module,)) for place, module in APP_EXCEPT)
    ]
    assert found == []


def part_of(module: str) -> str:
    """Return the part of the engine that a module (`engine.git.files.X`) belongs to."""
    return module.split(".")[1]


def test_a_part_of_the_engine_imports_nothing_above_it():
    found = [
        f"{path}:{line} imports {name}"
        for path, tree in TREES
        if path.parts[0] == "engine"
        for line, name in imports(tree)
        if name.startswith("engine.")
        and part_of(name) not in ENGINE_FLOORS.get(part_of(".".join(path.with_suffix("").parts)), {part_of(name)})
    ]
    assert found == []


def test_the_control_plane_and_the_data_plane_never_import_each_other():
    planes = {"engine/control": "engine.worker", "engine/worker": "engine.control"}
    found = [
        f"{path}:{line} imports {name}"
        for path, tree in TREES
        for line, name in imports(tree)
        for plane, other in planes.items()
        if str(path).startswith(plane) and within(name, (other,))
    ]
    assert found == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_named_only_in_its_room(library):
    found = [
        f"{path}:{line}"
        for path, tree in TREES
        for line, name in imports(tree)
        if name.split(".")[0] == library and not str(path).startswith(LIBRARIES[library])
    ]
    assert found == []


def test_only_the_clock_reads_the_clock():
    found = []
    for path, tree in TREES:
        if str(path) == "engine/core/clock.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) in CLOCK_CALLS:
                    found.append(f"{path}:{node.lineno} {node.value.id}.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                found += [f"{path}:{node.lineno} time.{a.name}" for a in node.names if ("time", a.name) in CLOCK_CALLS]
    assert found == []


def test_nothing_sleeps():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
        and isinstance(node.value, ast.Name) and node.value.id == "time"
    ]  # fmt: skip
    assert found == []


def test_a_package_file_is_a_docstring():
    found = [
        str(path)
        for path, tree in TREES
        if path.name == "__init__.py" and not (len(tree.body) == 1 and ast.get_docstring(tree))
    ]
    assert found == []


def test_every_module_says_what_it_is_for():
    assert [str(path) for path, tree in TREES if not ast.get_docstring(tree)] == []


@pytest.mark.parametrize("command", QUICK)
def test_a_quick_command_loads_no_slow_library(command, tmp_path):
    """The twin of the law above at run time: a whole command, in a fresh process."""
    from engine.store.store import open_store

    workflow = tmp_path / "w.yml"
    workflow.write_text("on: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n")
    home = tmp_path / "home"
    open_store(home, create=True).close()
    line = [command, *{"expr": ["1"], "list": ["--json"]}.get(command, [str(workflow)]), "--home", str(home)]
    assert loaded_by(line, SLOW) == (0, [])


def test_the_version_loads_no_part_of_the_product():
    assert loaded_by(["--version"], ("engine", "pipelines", "widgets", "yaml", "rich")) == (0, [])


def loaded_by(line: list[str], names: tuple[str, ...]) -> tuple[int, list[str]]:
    """Run one command line in a fresh process; return its exit code and which of `names` it had loaded."""
    code = (
        "import json, sys; from app.cli.main import main; code = main(sys.argv[1:]);"
        f"print(json.dumps([code, sorted(set({names!r}) & {{name.split('.')[0] for name in sys.modules}})]))"
    )
    run = subprocess.run([sys.executable, "-c", code, *line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    exit_code, loaded = json.loads(run.stdout.splitlines()[-1])
    return exit_code, loaded
