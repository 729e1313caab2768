"""JavaScript actions: which node runs them, and with which variables."""

import posixpath
import re
from collections.abc import Mapping

from engine.worker.actions.load import ActionRefused
from engine.worker.log.job_log import JobLog
from engine.worker.steps.box_tools import BoxTools

# The box's own first, then where CI images keep one for actions, then the one that treadle.yml names. What cannot run
# there (a program for another libc) says so by failing.
FIND_NODE = """\
for node in "$(command -v node || :)" /opt/acttoolcache/node/*/*/bin/node "$CONFIGURED"; do
  if [ -n "$node" ] && [ -x "$node" ] && version=$("$node" --version 2>/dev/null); then
    printf '%s\\n%s' "$version" "$node"
    exit
  fi
done
exit 66
"""
FOUND_BYTES = 4096


class Node:
    """The node of one attempt's box, looked for once. `where` says what the box is, for people."""

    def __init__(self, tools: BoxTools, log: JobLog, where: str) -> None:
        self._tools = tools
        self._log = log
        self._where = where
        self._found: tuple[str, str] | None = None
        self._told: set[str] = set()

    def program(self, name: str, using: str) -> str:
        """Return the path, in the box, of the node that runs the action `name`. Raises ActionRefused with the fix."""
        version, path = self._found or self._find(name, using)
        have, want = _major(version), _major(using)
        if have < want and using not in self._told:
            self._told.add(using)
            self._log.annotate("warning", f"{name} is made for {using}, and runs on node {version} of {self._where}.")
        return path

    def _find(self, name: str, using: str) -> tuple[str, str]:
        folder = self._tools.box.node
        configured = posixpath.join(folder, "bin/node") if folder else ""
        code, data = self._tools.capture(FIND_NODE, {"CONFIGURED": configured}, FOUND_BYTES)
        version, newline, path = data.decode(errors="replace").partition("\n")
        if code or not newline:
            fix = "Use an image with node for its label (`labels:` in treadle.yml), or name a folder with bin/node "
            fix += "there: `node: /opt/node`."
            if configured:
                fix = "The node of `node:` in treadle.yml does not run there, so it was made for another C library or "
                fix += "processor: use an image with node for this label, or a node that fits the image."
            raise ActionRefused(f"{name} is a {using} action, and there is no node in {self._where}.", fix)
        self._found = version, path
        return self._found


def input_variables(given: Mapping[str, str]) -> dict[str, str]:
    """Return inputs as the variables that programs of actions read."""
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in given.items()}


def state_variables(state: Mapping[str, str]) -> dict[str, str]:
    """Return what an earlier part of an action saved, as the variables that it reads."""
    return {f"STATE_{name}": value for name, value in state.items()}


def _major(version: str) -> int:
    found = re.search(r"\d+", version)
    return int(found[0]) if found else 0
