"""`treadle init`: a starter workflow, chosen by what lies in the folder. It never touches a file that is there."""

import argparse
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from app.cli.output import print_json, talk
from app.cli.workflow_files import workflow_files

TARGET = Path(".treadle", "workflows", "ci.yml")
GENERIC = "generic"
SIGNS = {"pyproject.toml": "python", "package.json": "node", "go.mod": "go", "Cargo.toml": "rust"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repo", type=Path, default=Path(), metavar="DIR", help="the folder to write it in (default: .)"
    )
    parser.add_argument("--starter", metavar="NAME", choices=sorted(starters()), help="which one, see --list")
    parser.add_argument("--list", action="store_true", help="list the starters")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def execute(args: argparse.Namespace) -> int:
    """Write the workflow and say where. Returns 2, having changed nothing, when there is one already."""
    if args.list:
        return _list(args.json)
    if not args.repo.is_dir():
        return _refuse(f"{args.repo} is no folder.")
    target = args.repo / TARGET
    others = workflow_files(args.repo)
    if others and not target.parent.is_dir():
        folder = others[0].parent.relative_to(args.repo)
        return _refuse(
            f"There are workflows in {folder} already, and `treadle run` runs them. "
            f"They would no longer be seen beside a {TARGET.parent}."
        )
    name = args.starter or choose(args.repo)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(starters()[name].read_text("utf-8"))
    except FileExistsError:
        return _refuse(f"{target} is there already and stays as it is.")
    except OSError as error:
        return _refuse(f"{target} cannot be written: {error.strerror}.")
    if args.json:
        print_json({"path": str(target), "starter": name})
    else:
        print(f"{target} written, from the starter {name!r}.")
        talk("`treadle run` runs it." if _in_git(args.repo) else "`git init` first, then `treadle run` runs it.")
    return 0


def _in_git(folder: Path) -> bool:
    here = folder.absolute()
    return any((place / ".git").exists() for place in (here, *here.parents))


def choose(repo: Path) -> str:
    """Return the name of the starter that suits the files in `repo`."""
    return next((name for sign, name in SIGNS.items() if (repo / sign).exists()), GENERIC)


def starters() -> dict[str, Traversable]:
    """Return the starters that come with the program, by name."""
    found = {path.name.removesuffix(".yml"): path for path in (files("pipelines") / "starters").iterdir()}
    return {name: found[name] for name in sorted(found) if found[name].name.endswith(".yml")}


def _list(as_json: bool) -> int:
    described = {name: _description(path) for name, path in starters().items()}
    if as_json:
        print_json([{"name": name, "description": text} for name, text in described.items()])
        return 0
    width = max(map(len, described), default=0)
    for name, text in described.items():
        print(f"{name:<{width}}  {text}".rstrip())
    return 0


def _description(path: Traversable) -> str:
    """Return the comment that a starter begins with."""
    first = path.read_text("utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _refuse(sentence: str) -> int:
    print(f"treadle: {sentence}", file=sys.stderr)
    return 2
