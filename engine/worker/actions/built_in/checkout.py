"""actions/checkout: the sources of the run, or of another commit of the same repository, from this machine's cache."""

import posixpath
import tarfile
from pathlib import Path
from typing import BinaryIO

from engine.worker.actions.exchange import Exchange
from engine.worker.actions.port import ActionError, ActionHost, Stores

MAKE_ROOM = """
mkdir -p "$DEST"
if [ "$CLEAN" = true ]; then
  for old in "$DEST"/* "$DEST"/.[!.]* "$DEST"/..?*; do
    if [ -e "$old" ] || [ -L "$old" ]; then rm -rf "$old"; fi
  done
else
  rm -rf "$DEST/.git"
fi
"""
COPY = MAKE_ROOM + 'cp -a "$SOURCE/." "$DEST/"\n'
UNPACK = MAKE_ROOM + 'tar -xf "$SOURCE" -C "$DEST"\n'


def run(host: ActionHost, _: Stores) -> bool:
    """Put the sources where `path` says. Full history is there whatever `fetch-depth` asks for."""
    repository = host.inputs.get("repository", "").strip()
    if repository and repository.lower() != host.repo_name.lower():
        raise ActionError(
            f"The repository {repository} cannot be checked out: only {host.repo_name}, which this run is of.",
            "Clone it in a `run:` step.",
        )
    ref = host.inputs.get("ref", "").strip()
    own = not ref or ref == host.source_sha
    dest = _inside_workspace(host.workspace, host.inputs.get("path", "").strip())
    clean = host.inputs.get("clean", "").strip().lower() != "false"
    folder = host.checkout_folder(None if own else ref, None)
    head, commit = head_of(folder)
    with Exchange(host) as exchange:
        first = exchange.mark("checked-out")
        env = {"DEST": dest, "CLEAN": "true" if clean else "false"}
        if own and first and host.workspace_is_source and dest == host.workspace:
            code = 0
        elif own and host.source is not None:
            code = host.shell(COPY, {**env, "SOURCE": host.source})
        else:
            name = exchange.fresh()
            with exchange.create(name) as tar:
                pack(folder, tar)
            code = host.shell(UNPACK, {**env, "SOURCE": exchange.inside(name)})
    if code != 0:
        raise ActionError(f"The sources could not be put into {dest} (exit code {code}).")
    host.say(f"{host.repo_name} at {commit} is in {dest}")
    host.output("ref", ref or head)
    host.output("commit", commit)
    return True


def head_of(folder: Path) -> tuple[str, str]:
    """Return what HEAD of a finished checkout is on (a full branch name, or the sha) and its commit."""
    head = (folder / ".git/HEAD").read_text(errors="surrogateescape").strip()
    if not head.startswith("ref: "):
        return head, head
    branch = head.removeprefix("ref: ")
    for line in (folder / ".git/packed-refs").read_text(errors="surrogateescape").splitlines():
        sha, _, name = line.partition(" ")
        if name == branch:
            return branch, sha
    return branch, ""


def pack(folder: Path, out: BinaryIO) -> None:
    """Write a finished checkout as a tar that any tar can read, owned by root."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        tar.add(folder, arcname=".", filter=anonymous)


def _inside_workspace(workspace: str, path: str) -> str:
    dest = posixpath.normpath(posixpath.join(workspace, path))
    if dest != workspace and not dest.startswith(workspace.rstrip("/") + "/"):
        raise ActionError(f"The path {path!r} is not inside the workspace {workspace}.")
    return dest
