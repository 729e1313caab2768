"""setup-python, setup-node and their like: what they would bring is looked for in the image, and taken from there.

Nothing is downloaded. A tool of the wanted version is put in front of PATH under the names that people use; without one
the step fails, and says which image to change.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from functools import partial

from engine.worker.actions.port import ActionError, ActionHost, NotInImage, Stores
from pipelines.records import dataclass
from pipelines.tool_versions import VersionError, satisfies, version_of

FILE_BYTES = 1 << 16
FOUND_BYTES = 1 << 16
VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+_.]\w+)*|\d+")
ANY = frozenset({"", "default", "latest", "current", "stable", "node", "lts/*", "lts", "x", "*"})
# Each candidate that runs says its version: its path, where that leads to, all that it printed, an empty line.
FIND = """
look() {
  if [ -f "$1" ] && [ -x "$1" ] && said=$("$1" $QUESTION 2>&1); then
    printf '%s\\n%s\\n%s\\n\\n' "$1" "$(readlink -f "$1" || echo "$1")" "$said"
  fi
}
rest=$PATH:
while [ -n "$rest" ]; do
  folder=${rest%%:*}
  rest=${rest#*:}
  for program in $PROGRAMS; do look "$folder/$program"; done
done
for path in $TOOL_CACHE; do look "$path"; done
"""
LINK = """
mkdir -p "$FOLDER"
for name in $NAMES; do
  rm -f "$FOLDER/$name"
  ln -s "$TOOL" "$FOLDER/$name"
done
if [ -n "$PIP" ]; then
  for name in pip pip3; do
    printf '#!/bin/sh\\nexec "%s" -m pip "$@"\\n' "$TOOL" >"$FOLDER/$name"
    chmod 755 "$FOLDER/$name"
  done
fi
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A program that runs: its path, the file behind it, and its version."""

    path: str
    real: str
    version: str


@dataclass(frozen=True, slots=True)
class Tool:
    """One such action: `programs` are patterns of file names, `question` makes one tell its version, `cached` is where
    the tool cache of CI images has it. `inputs` say the version, `files` those that hold one; `names` are what the
    program is called for the steps that follow."""

    name: str
    programs: str
    question: str
    cached: str
    inputs: tuple[str, ...]
    files: tuple[str, ...]
    names: str
    output: str
    home: str = ""
    path_output: str = ""


_PYTHONS = " ".join(["python3", "python", *(f"python3.{minor}" for minor in range(20, 6, -1))])
TOOLS = {
    "actions/setup-python": Tool(
        "Python", _PYTHONS, "--version", "Python/*/*/bin/python3",
        ("python-version",), ("python-version-file",), "python python3", "python-version", "pythonLocation",
        "python-path",
    ),
    "actions/setup-node": Tool(
        "Node.js", "node", "--version", "node/*/*/bin/node", ("node-version",), ("node-version-file",), "",
        "node-version",
    ),
    "actions/setup-go": Tool(
        "Go", "go", "version", "go/*/*/bin/go", ("go-version",), ("go-version-file",), "", "go-version", "GOROOT",
    ),
    "actions/setup-java": Tool(
        "Java", "java", "-version", "Java_*/*/*/bin/java", ("java-version",), ("java-version-file",), "", "version",
        "JAVA_HOME", "path",
    ),
    "actions/setup-dotnet": Tool(
        ".NET", "dotnet", "--version", "", ("dotnet-version",), ("global-json-file",), "", "dotnet-version"
    ),
    "ruby/setup-ruby": Tool(
        "Ruby", "ruby", "--version", "Ruby/*/*/bin/ruby", ("ruby-version",), (), "", "ruby-version", "", "ruby-prefix",
    ),
}  # fmt: skip


def run(name: str) -> Callable[[ActionHost, Stores], bool]:
    """Return what carries out the setup action `name`."""
    return partial(_run, name)


def _run(name: str, host: ActionHost, _: Stores) -> bool:
    tool, found = TOOLS[name], _found(host, TOOLS[name])
    chosen = found[0] if found else None
    for wanted in _wanted(host, tool):  # the last one that is named is the one that steps get
        chosen = next((one for one in found if _fits(tool, wanted, one.version)), None)
        if chosen is None:
            raise _missing(tool, wanted, found)
    assert chosen is not None
    _put_in_front(host, tool, chosen, found)
    if tool.home:
        path = chosen.path if tool.name == "Python" else chosen.real
        host.set_env(tool.home, posixpath.dirname(posixpath.dirname(path)))
    host.output(tool.output, chosen.version)
    if tool.path_output:
        host.output(tool.path_output, chosen.path)
    host.output("cache-hit", "false")
    host.annotate("notice", f"{tool.name} {chosen.version} is here already ({chosen.path}): nothing is installed.")
    return True


def _put_in_front(host: ActionHost, tool: Tool, chosen: Found, found: list[Found]) -> None:
    """Have steps find the chosen program first, under all the names that they may use."""
    folder = posixpath.dirname(chosen.path)
    there = {one.path for one in found if one.version == chosen.version}
    if any(posixpath.join(folder, name) not in there for name in tool.names.split()):
        folder = posixpath.join(host.temp, "_tools", f"{tool.name}-{chosen.version}")
        env = {"FOLDER": folder, "TOOL": chosen.path, "NAMES": tool.names, "PIP": "yes" * (tool.name == "Python")}
        if code := host.shell(LINK, env):
            raise ActionError(f"{tool.name} cannot be given its names (exit code {code}).")
        host.add_path(folder)
        return
    name = posixpath.basename(chosen.path)
    if next(one for one in found if posixpath.basename(one.path) == name) != chosen:
        host.add_path(folder)


def _wanted(host: ActionHost, tool: Tool) -> list[str]:
    """Return the versions that the step asks for; none means whichever there is."""
    text = next((host.inputs[name] for name in tool.inputs if host.inputs.get(name, "").strip()), "")
    if not text:
        file = next((host.inputs[name].strip() for name in tool.files if host.inputs.get(name, "").strip()), "")
        text = _from_file(host, file) if file else ""
    return [line.strip() for line in text.splitlines() if line.strip()] or [""]


def _from_file(host: ActionHost, file: str) -> str:
    path = posixpath.join(host.workspace, file)
    code, data = host.capture('cat "$FILE"', {"FILE": path}, FILE_BYTES)
    if code:
        raise ActionError(f"There is no file {file} to take the version from.")
    try:
        return version_of(posixpath.basename(file), data.decode("utf-8", "replace"))
    except VersionError as error:
        raise ActionError(f"{file}: {error}") from None


def _found(host: ActionHost, tool: Tool) -> list[Found]:
    """Return what there is, in the order of PATH."""
    cache = f"/opt/hostedtoolcache/{tool.cached}" if tool.cached else ""
    env = {"PROGRAMS": tool.programs, "QUESTION": tool.question, "TOOL_CACHE": cache}
    _, data = host.capture(FIND, env, FOUND_BYTES)
    found = []
    for block in data.decode("utf-8", "replace").split("\n\n"):
        path, _, rest = block.strip("\n").partition("\n")
        real, _, said = rest.partition("\n")
        if path.startswith("/") and (version := VERSION.search(said)):
            found.append(Found(path, real, version[0].removeprefix("1.") if tool.name == "Java" else version[0]))
    return found


def _fits(tool: Tool, wanted: str, version: str) -> bool:
    plain = wanted.strip().lower().removeprefix("v")
    if plain in ANY:
        return True
    if tool.name == "Ruby":
        plain = plain.removeprefix("ruby-")
    try:
        return satisfies(version, plain)
    except VersionError:
        return False


def _missing(tool: Tool, wanted: str, found: list[Found]) -> NotInImage:
    versions = ", ".join(dict.fromkeys(one.version for one in found))
    there = f"only {versions}" if versions else "none"
    return NotInImage(
        f"{tool.name} {wanted or 'of any version'} is not in the image of this job: it has {there}.",
        "Map the job's label to an image with it (`labels:` in treadle.yml, or --label LABEL=IMAGE), set `container:`, "
        "or mirror the action itself with `actions:`.",
    )


_NO_CACHE, _NO_DOWNLOAD = "keep what is downloaded with actions/cache.", "nothing is downloaded."
_OWN_STEP, _AS_IT_IS = "it is done in a step of its own.", "the one of the image is taken as it is."
_EVERYWHERE = {
    "architecture": _AS_IT_IS,
    "cache": _NO_CACHE,
    "cache-dependency-path": _NO_CACHE,
    "check-latest": _NO_DOWNLOAD,
    "token": _NO_DOWNLOAD,
}
_MAVEN = [
    "gpg-passphrase",
    "gpg-private-key",
    "mvn-toolchain-id",
    "mvn-toolchain-vendor",
    "overwrite-settings",
    "server-id",
]
WITHOUT_EFFECT: Mapping[str, Mapping[str, str]] = {
    "actions/setup-python": _EVERYWHERE
    | dict.fromkeys(("allow-prereleases", "freethreaded", "update-environment"), _AS_IT_IS)
    | dict.fromkeys(("pip-install", "pip-version"), _OWN_STEP)
    | dict.fromkeys(("mirror", "mirror-token"), _NO_DOWNLOAD),
    "actions/setup-node": _EVERYWHERE
    | {"package-manager-cache": _NO_CACHE}
    | dict.fromkeys(("always-auth", "registry-url", "scope"), _OWN_STEP)
    | dict.fromkeys(("mirror", "mirror-token"), _NO_DOWNLOAD),
    "actions/setup-go": _EVERYWHERE,
    "actions/setup-java": _EVERYWHERE
    | dict.fromkeys(("distribution", "java-package", "jdkfile"), _AS_IT_IS)
    | dict.fromkeys((*_MAVEN, "server-password", "server-username", "settings-path"), _OWN_STEP),
    "actions/setup-dotnet": {
        **dict.fromkeys(("cache", "cache-dependency-path"), _NO_CACHE),
        **dict.fromkeys(("config-file", "owner", "source-url", "workloads"), _OWN_STEP),
        "dotnet-quality": _AS_IT_IS,
    },
    "ruby/setup-ruby": {
        **dict.fromkeys(("bundler", "rubygems"), _AS_IT_IS),
        **dict.fromkeys(("bundler-cache", "cache-version"), _NO_CACHE),
        **dict.fromkeys(("self-hosted", "token", "windows-toolchain"), _NO_DOWNLOAD),
        "working-directory": "the version is looked for in the workspace.",
    },
}
"""Inputs of the originals that change nothing here, and why."""
