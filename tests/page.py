"""A page of the documentation as something that can be carried out: its shell blocks, in order, in one shell.

A fence ```sh is run. What a ```text fence right below it shows has to come, line by line and in that order: numbers,
commits and blanks aside, and with `…` for anything. An HTML comment on the line before a block says more of it:

    <!-- not run: WHY -->          it cannot run in a test
    <!-- exits: 1 -->              what its last command ends with; those before it may do as they like
    <!-- goes on: WORDS -->        it runs on beside what follows, once it has shown WORDS, and is ended with the page

and `<!-- unseen` … `-->` on lines of their own holds shell that a reader does by other means, or not at all.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 110
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!-- (not run|exits|goes on): ((?:(?!-->).)+) -->\s*\Z", re.DOTALL)
UNSEEN = re.compile(r"^<!-- unseen\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
TOOLS = re.compile(r"\b(curl|openssl|ps)\b")  # what a page may use and not every machine has
CALLED_SO = ("treadle", "t", "docker compose exec treadle treadle", ".venv/bin/treadle")
STEP = """
echo {number} > "$TRIED"
. {script} > {out} 2>&1 < /dev/null
"""
ENDING_STEP = """
echo {number} > "$TRIED"
set +e; . {script} > {out} 2>&1 < /dev/null; code=$?; set -e
[ "$code" = {code} ]
"""
BESIDE = """
echo {number} > "$TRIED"
( . {script} > {out} 2>&1 < /dev/null ) & beside="$beside $!"
for look in $(seq 1 600); do grep -qF {words} {out} && break; kill -0 $!; sleep 0.05; done
grep -qF {words} {out}
"""
BEGIN = """
set -eE; shopt -s expand_aliases; beside=""
trap 'for one in $beside; do kill $(ps -o pid= --ppid $one) $one 2> /dev/null || true; wait $one || true; done' EXIT
"""


@dataclass(frozen=True)
class Block:
    """Some lines of shell. `shows` is the text below; `why_not` says why they are not run.

    `code` None: each command succeeds; a number: the last one ends so, whatever those before it do.
    """

    line: int
    shell: str
    shows: str | None = None
    why_not: str = ""
    code: int | None = None
    until: str = ""


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of shell of a page, in order, the unseen ones too."""
    found = []
    for unseen in UNSEEN.finditer(text):
        found.append((unseen.start(), Block(_line(text, unseen.start()), unseen[1])))
    fences = list(FENCE.finditer(text))
    for number, fence in enumerate(fences):
        if fence[2] != "sh":
            continue
        below = fences[number + 1] if number + 1 < len(fences) else None
        shows = None
        if below and below[2] == "text" and not text[fence.end() : below.start()].strip():
            shows = below[3]
        told = COMMENT.search(text[: fence.start()])
        says = {told[1]: told[2]} if told else {}
        block = Block(
            line=_line(text, fence.start()),
            shell=re.sub(f"^{fence[1]}", "", fence[3], flags=re.MULTILINE),
            shows=shows,
            why_not=says.get("not run", ""),
            code=int(says["exits"]) if "exits" in says else None,
            until=says.get("goes on", ""),
        )
        found.append((fence.start(), block))
    return [block for _, block in sorted(found, key=lambda one: one[0])]


def carry_out(page: Path, folder: Path, environment: Mapping[str, str], instead: Mapping[str, str]) -> None:
    """Run a page's blocks in `folder`, with some words put `instead` of others.

    Fails with the block that ends otherwise than it should, or shows something else. Skips where a tool is missing.
    """
    text = page.read_text()
    for word, other in instead.items():
        text = text.replace(word, other)
    blocks = [block for block in blocks_of(text) if not block.why_not]
    tools = {tool for block in blocks for tool in TOOLS.findall(block.shell)}
    if missing := sorted(tool for tool in tools if shutil.which(tool) is None):
        pytest.skip(f"needs {', '.join(missing)}")
    notes = folder / ".page"
    notes.mkdir()
    script = BEGIN
    for number, block in enumerate(blocks):
        (notes / f"{number}.sh").write_text(block.shell)
        names = {name: shlex.quote(str(notes / f"{number}.{name}")) for name in ("sh", "out")}
        form = BESIDE if block.until else STEP if block.code is None else ENDING_STEP
        script += form.format(
            number=number, script=names["sh"], out=names["out"], code=block.code, words=shlex.quote(block.until)
        )
    code, errors = _run(script, folder, {**environment, "TRIED": str(notes / "tried")})
    said = [path.read_text() if (path := notes / f"{number}.out").exists() else "" for number in range(len(blocks))]
    if code:
        number = int((notes / "tried").read_text())
        block = blocks[number]
        raise AssertionError(f"{page.name}:{block.line} does not do\n{block.shell}\n{said[number]}{errors}")
    for block, out in zip(blocks, said, strict=True):
        if block.shows is not None and (missing := first_missing(block.shows, out)):
            raise AssertionError(f"{page.name}:{block.line} does not show {missing!r}, but\n{out}")


def _run(script: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a script; return its exit code and its errors. What is still there when it ends, or is late, is killed."""
    bash = subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=environment, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = bash.communicate(timeout=PATIENCE_S)
        return bash.returncode, errors
    except subprocess.TimeoutExpired:
        return -1, f"still, after {PATIENCE_S} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(bash.pid, signal.SIGKILL)
        bash.communicate()


def first_missing(shown: str, out: str) -> str | None:
    """Return the first line of `shown` that does not stand in `out` below the one before it; None: all do."""
    lines = iter([_plain(line) for line in out.splitlines()])
    for line in filter(None, map(str.strip, shown.splitlines())):
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in _plain(line).split("…")))
        if not any(pattern.search(one) for one in lines):
            return line
    return None


def _plain(line: str) -> str:
    """Return a line with one word for whatever differs from one run to the next."""
    line = re.sub(r"\b[0-9a-f]{8,40}\b", "0", line)
    line = re.sub(r"\b(\d[\d.:,-]*)( (ms|s|m|min|h|B|KiB|MiB)\b)?", "0", line)
    return re.sub(r"(0 )+", "0 ", re.sub(r"\s+", " ", line)).strip()


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def called(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Yield each call of `treadle` in a page: its line, its words, and whether it is whole (in a block)."""
    for block in blocks_of(text):
        for offset, line in enumerate(re.sub(r" *\\\n *", " ", block.shell).splitlines()):
            for part in re.split(r"\||;|&&|\$\(|\)|(?<=\s)&(?=\s|$)", line):
                if words := _words(part):
                    yield block.line + 1 + offset, words, True
    for span in SPAN.finditer(FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)):
        if words := _words(span[1]):
            yield _line(text, span.start()), words, False


def _words(text: str) -> list[str] | None:
    for name in CALLED_SO:
        if text.strip() == name or text.strip().startswith(f"{name} "):
            try:
                return shlex.split(re.sub(r"\s\d?[<>]+.*", "", text.strip()[len(name) :]), comments=True)
            except ValueError:  # a text of several lines begins here
                return None
    return None


def place(folder: Path, config: str) -> dict[str, str]:
    """Make a home and the command in `folder`; return the environment of somebody who has just installed Treadle.

    The command alone does nothing: the UI needs a terminal, and tests/app/tui/test_terminal.py gives it one.
    """
    (folder / "bin").mkdir()
    command = folder / "bin" / "treadle"
    command.write_text(f'#!/bin/sh\n[ $# = 0 ] || exec {shlex.quote(sys.executable)} -m app.cli.main "$@"\n')
    command.chmod(0o755)
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "treadle.yml").write_text(config)
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    return {
        "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder),
        "TREADLE_HOME": str(home), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "120", "USER": "ada",
    }  # fmt: skip
