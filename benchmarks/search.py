"""What search costs: MB of logs indexed a second, the index's share of the logs, and milliseconds a question.

`python -m benchmarks.search [MB]`, over 1000 MB of logs by default: compiler lines, tests, downloads, times, digests.
"""

import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from engine.store.logs.search import LogFacts, SearchIndex, Where
from engine.store.logs.words import Words

LOG_BYTES = 2_000_000
NEW_BYTES = 300_000_000  # up to here every second log is one of its own
WORDS = "error warning build test module import cannot resolve package version download cache linking compile passed"
PARTS = [f"{stem}{end}" for stem in ("ser", "cli", "par", "lex", "ren", "net", "sto", "que", "log", "tab") for end in
         ("ver", "ent", "ser", "der", "work", "re", "ue", "ger", "le", "er", "ing", "ed")]  # fmt: skip


def a_log(chance: random.Random, number: int) -> bytes:
    """Return a log that looks like one: half of it names and numbers that come once."""
    lines: list[str] = []
    size = 0
    while size < LOG_BYTES:
        line = _line(chance, len(lines))
        lines.append(line)
        size += len(line) + 1
    lines[len(lines) // 2] = f"AssertionError: needle{number % 50} was not found in the haystack"
    return ("\n".join(lines) + "\n").encode()


def _line(chance: random.Random, number: int) -> str:
    pick, part = chance.random(), chance.choice(PARTS)
    name = f"{chance.choice(PARTS)}_{chance.choice(PARTS)}"
    said = " ".join(chance.choices(WORDS.split(), k=6))
    if pick < 0.4:
        return f"[{number % 900}/900] Building CXX object src/{part}/CMakeFiles/{name}.dir/{name}.cc.o"
    if pick < 0.7:
        return f"tests/{name}/test_{part}.py::test_{name}_{chance.randrange(99)} PASSED [{number % 100}%]"
    if pick < 0.8:
        micros = chance.randrange(10**6)
        return f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}.{micros:06}Z \x1b[32mINFO\x1b[0m {said}"
    if pick < 0.9:
        digest = chance.randbytes(32).hex()
        return f"Downloading {name}-{chance.randrange(20)}.tar.gz ({chance.randrange(9999)} kB) sha256:{digest}"
    return f"{said} at {hex(chance.randrange(1 << 40))} in {name} ({chance.randrange(5000)} ms)"


def main() -> None:
    total = int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else 1_000_000_000
    chance = random.Random(7)
    variants = [a_log(chance, number) for number in range(20)]
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        home = Path(folder)
        index = SearchIndex(home)
        spent = 0.0
        count = total // LOG_BYTES
        for number in range(0, count, 10):
            facts = []
            for job in range(number, min(number + 10, count)):
                path = home / "logs" / str(job) / f"{job}-1.log"
                path.parent.mkdir(parents=True)
                is_new = job % 2 == 0 and total <= NEW_BYTES
                data = a_log(chance, job) if is_new else variants[job % 20]
                path.write_bytes(data.replace(b"kB)", b"k%05d)" % job))
                path.with_suffix(".idx").write_bytes(b"")
                facts.append(LogFacts(job, job, 1, f"team/{job % 5}", "CI", "ci.yml", "build", "failed"))
            start = time.perf_counter()
            index.take(facts, number + 1)
            spent += time.perf_counter() - start
        size = index.size_bytes()
        megabytes = total / 1e6
        print(f"indexed {megabytes:.0f} MB at {megabytes / spent:.1f} MB/s; the index takes {size / total:.1%} of that")
        for what, asked, where in (
            ("a word that is rare", ["needle7"], Where()),
            ("words in a row", ["was not found in the haystack"], Where()),
            ("words that are everywhere", ["error", "warning"], Where()),
            ("the same in one repository", ["error", "warning"], Where(repo="team/3")),
            ("the beginning of a word", ["needle*"], Where()),
            ("a word that is nowhere", ["zzyzx"], Where()),
            ("everywhere, but never in a line", ["needle7", "downloading"], Where()),
        ):
            times = []
            for _ in range(5):
                start = time.perf_counter()
                found = index.search(Words(asked), where, 50)
                times.append(time.perf_counter() - start)
            print(f"{what:34} {median(times) * 1000:7.1f} ms  {len(found.hits)} lines")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"file {index.path.stat().st_size / 1e6:.0f} MB, peak memory {peak} MB")


if __name__ == "__main__":
    main()
