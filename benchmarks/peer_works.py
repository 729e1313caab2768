"""The work that tools are compared by: written once, and as each of them wants to read it."""

from dataclasses import dataclass

from benchmarks.jobs import HEAD, LINES, graph, job
from benchmarks.place import IMAGE

SH = "defaults: {run: {shell: sh}}\n"  # others want bash where a step names no shell, and this image has none


@dataclass(frozen=True, slots=True)
class Work:
    """Jobs of one step or more. `workers` at once; `first`, `middle` and `last` count the jobs of each layer."""

    key: str
    name: str
    workers: int
    commands: tuple[str, ...]
    middle: int = 1
    first: int = 0
    last: int = 0
    matrix: bool = False

    @property
    def workflow(self) -> str:
        """The workflow, the same text for Treadle and act."""
        if self.first:
            return SH + graph()
        if self.commands[0] != "true":
            return f"{SH}{HEAD}  a:\n    runs-on: busybox\n    steps:\n      - run: |\n          {self.commands[0]}\n"
        cells = str(list(range(self.middle))) if self.matrix else ""
        return SH + HEAD + job("a", steps=len(self.commands), matrix=cells)

    @property
    def gitlab(self) -> str:
        """The same as a `.gitlab-ci.yml`."""
        script = "".join(f"    - |\n      {command}\n" for command in self.commands)

        def one(name: str, needs: list[str]) -> str:
            return f"{name}:\n  image: {IMAGE}\n  needs: {needs}\n  script:\n{script}"

        middle = [f"m{number}" for number in range(self.middle)]
        jobs = [one("first", [])] * self.first
        jobs += [one(name, ["first"] * self.first) for name in middle]
        return "".join([*jobs, *[one("last", middle)] * self.last])


NOOP = Work("noop", "one no-op job", 1, ("true",))
STEPS = Work("steps", "20 no-op steps", 1, ("true",) * 20)
GRAPH_2 = Work("graph2", "50 jobs (1, 48, 1), 2 at once", 2, ("true",), middle=48, first=1, last=1)
GRAPH_8 = Work("graph8", "50 jobs (1, 48, 1), 8 at once", 8, ("true",), middle=48, first=1, last=1)
MATRIX = Work("matrix", "matrix of 20, 2 at once", 2, ("true",), middle=20, matrix=True)
A_MILLION = Work("lines", "a million lines", 1, (LINES,))
WORKS = (NOOP, STEPS, GRAPH_2, GRAPH_8, MATRIX, A_MILLION)
LONG = (GRAPH_2, GRAPH_8, MATRIX, A_MILLION)

# Tools print what they are about to run, too: the mark is only in what the step itself prints.
FIRST = Work("first", "first byte", 1, ("echo first-$((40 + 2))",))
MARK = b"first-42"
EACH = (*WORKS, FIRST)
