"""`treadle demo`: runs the bundled project, on Docker if that is there, else on this machine."""

import argparse
import shutil
import sys
from pathlib import Path

from app.cli.output import talk
from app.cli.place import home_of
from engine.core.clock import SystemClock
from engine.core.errors import ExecutorUnavailable

BUNDLED = Path(__file__).resolve().parent.parent / "demo"
FAMILIES = ("busybox", "alpine", "debian", "ubuntu")  # images known to bring all that the demo's steps call
PULLED = "busybox:latest"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor", choices=("docker", "host"), help="where the jobs run (default: Docker if it is there)"
    )
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="print JSON lines, as `run --json` does")


def execute(args: argparse.Namespace) -> int:
    from app.cli import run
    from app.cli.main import parser_for

    home = home_of(args)
    folder = prepare(home / "demo")
    where = where_to_run(args.executor)
    talk(f"The demo project is {folder}. Run it again with:\n  treadle run --repo {folder} {' '.join(where)}\n")
    line = ["--repo", str(folder), "--home", str(home), *where]
    line += ["--config", args.config] if args.config else []
    line += [f"--{face}" for face in ("plain", "json") if getattr(args, face)]
    sys.stdout.flush()
    return run.execute(parser_for("run").parse_args(line))


def prepare(folder: Path) -> Path:
    """Lay out the bundled project in `folder`, a Git repository with one commit; changed files are laid out anew."""
    from engine.git.repository import start_repository
    from engine.store.store import make_folder

    make_folder(folder.parent)
    shutil.copytree(BUNDLED, folder, dirs_exist_ok=True)
    if not (folder / ".git").exists():
        start_repository(folder, "Begin the demo", SystemClock().now())
    return folder


def where_to_run(asked: str | None) -> list[str]:
    """Return the options of `treadle run` that the demo can run with here, and say so when Docker is not used."""
    if asked != "host":
        try:
            return ["--executor", "docker", "--label", f"ubuntu-latest={_image()}"]
        except ExecutorUnavailable as error:
            if asked == "docker":
                raise
            talk(f"{error.args[0]} The demo runs as processes on this machine instead.")
    return ["--executor", "host", "--label", "ubuntu-latest=host"]


def _image() -> str:
    """Return a small image that is here, else pull one. Raises ExecutorUnavailable when there is no way to one."""
    from engine.worker.docker.client import DockerClient
    from engine.worker.docker.facts import docker_facts
    from engine.worker.docker.images import Images

    if image := choose(docker_facts().images):
        return image
    client = DockerClient()
    try:
        Images(client).ensure(PULLED, lambda line: talk(line))
    finally:
        client.close()
    return PULLED


def choose(images: frozenset[str]) -> str | None:
    """Return the image to prefer of those that are here, or None."""
    for family in FAMILIES:
        found = sorted(image for image in images if image.rpartition(":")[0] in (family, f"docker.io/library/{family}"))
        if found:
            return f"{family}:latest" if f"{family}:latest" in found else found[-1]
    return None
