"""Plain progress: every line once, whole, behind its job's name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.cli.progress.plain_lines import PlainLines
from app.cli.result import Result


@pytest.fixture
def plain(world, out):
    renderer = PlainLines(out, terminal=False, clock=world)
    world.renderers.append(renderer)
    return renderer


def text(out) -> str:
    return out.getvalue().decode()


def test_every_log_line_stands_behind_the_name_of_its_job(world, out, plain):
    build, lint = world.job(1, "build"), world.job(2, "lint")
    world.run(build, lint)
    world.log(build, 1, 1, b"one\ntwo\n")
    world.log(lint, 1, 1, b"three\n")
    assert "build | one\nbuild | two\nlint  | three\n" in text(out)


def test_an_open_line_waits_for_its_end_and_never_mixes_with_another_job(world, out, plain):
    build, lint = world.job(1, "build"), world.job(2, "lint")
    world.run(build, lint)
    world.log(build, 1, 1, b"half")
    world.log(lint, 1, 1, b"whole\n")
    world.log(build, 1, 1, b" and half\n")
    assert "lint  | whole\nbuild | half and half\n" in text(out)


def test_an_open_line_is_closed_by_the_next_step(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.log(build, 1, 1, b"no end")
    world.log(build, 1, 2, b"next\n")
    assert "build | no end\nbuild | next\n" in text(out)


def test_an_open_line_comes_before_the_status_that_ends_it(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.log(build, 1, 1, b"no end")
    world.tell("job", build, "running", "success")
    assert text(out).index("no end") < text(out).index("success")


def test_an_empty_line_stays_a_line(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.log(build, 1, 1, b"\n\nx\n")
    assert "build | \nbuild | \nbuild | x\n" in text(out)


def test_bytes_that_are_no_text_pass_unchanged_into_a_pipe(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.log(build, 1, 1, b"\xff\x1b[2J\n")
    assert b"build | \xff\x1b[2J\n" in out.getvalue()


def test_a_terminal_never_gets_more_than_colours_from_a_job(world, out):
    renderer = PlainLines(out, terminal=True, clock=world)
    world.renderers.append(renderer)
    build = world.job(1, "bu\x1b]0;x\x07ild\x1b[2J")
    world.run(build)
    world.log(build, 1, 1, b"a\x1b[2Jb\x1b]52;c;eA==\x07c\x1b[H\rd\x1b7\n##[group]Run it\n##[endgroup]\n##[error]no\n")
    world.tell("job", build, "running", "failed", reason="\x1b[5;5H bad")
    assert "\x1b" not in text(out).replace("\x1b[0m", "")
    assert "| ▸ Run it\nbuild | Error: no\n" in text(out)


def test_a_second_attempt_says_so_and_when_it_comes(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    plain.job_added(replace(build, next_attempt_at=world.now() + timedelta(seconds=10)))
    world.tell("job", build, "running", "retrying", reason="exit code 1")
    world.tell("job", build, "queued", "running", attempt=2)
    assert "build  running\n" in text(out)
    assert "build  retrying in 10 s: exit code 1\n" in text(out)
    assert "build  running (attempt 2)\n" in text(out)


def begin(world, plain, job, *names: str) -> None:
    world.tell("job", job, "queued", "running", attempt=1)
    plain.steps(job.id, 1, names)


def test_what_is_fetched_is_announced_once(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.tell("step", build, "pending", "running", attempt=1, step=0, name="Fetch action a/b@v1")
    world.log(build, 1, 0, b"##[group]Fetch action a/b@v1\nCommit 12, fetched in 0.1 s\n##[endgroup]\n")
    assert "build | ▸ Fetch action a/b@v1\nbuild | Commit 12, fetched in 0.1 s\n" in text(out)
    assert text(out).count("Fetch action") == 1


def test_a_step_is_announced_by_its_name_in_place_of_the_engines_own_introduction(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.log(build, 1, -1, b"##[group]Set up job\nContainer: x\n##[endgroup]\nPulling x\n")
    plain.steps(1, 1, ["Compile"])
    world.tell("step", build, "pending", "running", attempt=1, step=0, name="Compile")
    world.log(build, 1, 0, b"##[group]Run make\nmake\nenv:\n  A: b\n##[endgroup]\ncc x.c\n##[error]no\n")
    assert text(out).endswith(
        "build  running\nbuild | Pulling x\nbuild | ▸ Compile\nbuild | cc x.c\nbuild | Error: no\n"
    )


def test_a_group_that_a_step_prints_itself_stays(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    begin(world, plain, build, "Make")
    world.tell("step", build, "pending", "running", attempt=1, step=0, name="Make")
    world.log(build, 1, 0, b"##[group]Run make\nmake\n##[endgroup]\n##[group]Run tests\nok\n##[endgroup]\n")
    assert text(out).endswith("build | ▸ Make\nbuild | ▸ Run tests\nbuild | ok\n")


def test_what_a_step_prints_waits_for_the_news_that_the_step_runs(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    begin(world, plain, build, "One", "Two ${{ matrix.x }}")
    world.tell("step", build, "pending", "running", attempt=1, step=0, name="One")
    world.log(build, 1, 0, b"1\n")
    world.log(build, 1, 1, b"2\n")
    world.tell("step", build, "running", "success", attempt=1, step=0, name="One")
    assert "2\n" not in text(out)
    world.tell("step", build, "pending", "running", attempt=1, step=1, name="Two x")
    assert text(out).endswith("| ▸ One\nbuild | 1\nbuild | ▸ Two x\nbuild | 2\n")


def test_what_never_had_news_comes_before_the_jobs_end(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.log(build, 1, 0, b"all there was\n")
    world.tell("job", build, "running", "failed", attempt=1, reason="the engine went away")
    assert "build | all there was\nbuild  failed in 0.0 s: the engine went away\n" in text(out)


def test_a_tolerated_failure_is_neither_the_jobs_nor_the_runs(world, out, plain):
    build, extra = world.job(1, "build"), world.job(2, "extra")
    run = world.run(build, extra)
    begin(world, plain, build, "Lint", "Test")
    world.tell("step", build, "running", "failed", attempt=1, step=0, name="Lint", code=3)
    plain.step_tolerated(1, 0)
    world.tell("step", build, "running", "failed", attempt=1, step=1, name="Test", code=7)
    world.tell("job", build, "running", "failed", attempt=1)
    plain.job_added(replace(extra, tolerated=True))
    world.tell("job", extra, "queued", "failed", attempt=1)
    world.tell("run", run, "running", "failed")
    plain.finished(Result("failed", 2.0, ()))
    assert "build  failed in 0.0 s: step 'Test', exit code 7\n" in text(out)
    assert "── build, step 'Test': exit code 7 ──" in text(out)
    assert "── extra" not in text(out)
    assert "extra  failed  allowed to fail" in text(out)


def test_the_jobs_of_a_matrix_stand_together_also_when_they_come_later(world, out, plain):
    plan, last = world.job(1, "plan"), world.job(3, "last")
    run = world.run(plan, world.job(2, "test (a)", key="test"), last)
    plain.job_added(world.job(4, "test (b)", key="test"))
    world.tell("run", run, "running", "success")
    before = len(text(out))
    plain.finished(Result("success", 2.0, ()))
    names = [line.split()[2] for line in text(out)[before:].splitlines() if line.startswith("  ")]
    assert names == ["plan", "test", "test", "last"]


def test_several_runs_end_with_their_count(world, out, plain):
    one, two = world.run(world.job(1, "a")), world.run(world.job(2, "b", run_id=8), id=8)
    world.tell("run", one, "running", "success")
    world.tell("run", two, "running", "failed")
    plain.finished(Result("failed", 2.0, ()))
    assert text(out).endswith("\n2 runs: 1 success, 1 failed\n")


def test_the_end_shows_the_failed_steps_last_lines_and_where_the_whole_log_is(world, out, plain):
    build = world.job(31, "build")
    run = world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.log(build, 1, 1, b"".join(b"line %d\n" % n for n in range(50)))
    world.at_s = 2.0
    world.tell("step", build, "running", "failed", attempt=1, step=1, name="make", code=7)
    world.log(build, 1, 2, b"cleanup\n")
    world.tell("job", build, "running", "failed", attempt=1, reason="failure")
    world.tell("run", run, "running", "failed")
    before = len(text(out))
    plain.finished(Result("failed", 2.0, ()))
    end = text(out)[before:]
    assert "step 'make': exit code 7" in end
    assert "line 30\n" in end and "line 49\n" in end and "line 29\n" not in end and "cleanup" not in end
    assert "treadle logs j31" in end
    assert "✗ failed  CI #3 in 2.0 s (r7)" in end


def test_a_line_without_an_end_is_broken_at_last(world, out, plain):
    build = world.job(1, "build")
    world.run(build)
    for _ in range(40):
        world.log(build, 1, 1, b"x" * 65536)
    assert text(out).count("x") > 1_000_000


def test_jobs_of_several_runs_are_told_apart(world, out, plain):
    one, two = world.job(1, "build"), world.job(2, "build", run_id=8)
    world.run(one)
    world.run(two, id=8, name="Docs")
    world.log(two, 1, 1, b"x\n")
    assert "Docs / build | x\n" in text(out)


def test_a_job_that_ends_without_a_failed_step_shows_how_far_it_came(world, out, plain):
    build = world.job(31, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.tell("step", build, "pending", "running", attempt=1, step=1, name="make")
    world.log(build, 1, 1, b"so far\n")
    world.tell("job", build, "running", "failed", attempt=1, reason="the box went away")
    before = len(text(out))
    plain.finished(Result("failed", 2.0, ()))
    assert "── build: the box went away ──\n  so far\n" in text(out)[before:]
