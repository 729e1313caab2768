"""The live tree fits any window, shows words beside glyphs, and gives the terminal back."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from app.cli.progress.board import Board
from app.cli.progress.live_tree import LiveTree, tree_lines
from app.cli.result import Result


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def tree(world, screen) -> LiveTree:
    console = Console(file=screen, force_terminal=True, width=80, height=24, markup=False, highlight=False)
    renderer = LiveTree(console, world)
    world.renderers.append(renderer)
    yield renderer
    renderer.close()


def drawn(tree: LiveTree, world, width: int = 80, height: int = 24) -> str:
    board: Board = tree._board
    return "\n".join(line.plain for line in tree_lines(board, world.now(), width, height))


def test_a_job_shows_its_status_in_words_and_its_running_step(world, tree):
    build = world.job(1, "build")
    world.run(build, world.job(2, "deploy", needs=("build",)))
    world.tell("job", build, "queued", "running", attempt=1)
    tree.steps(1, 1, ["Set up", "Run make", "Clean"])
    world.tell("step", build, "pending", "running", attempt=1, step=0, name="Set up")
    world.tell("step", build, "running", "success", attempt=1, step=0, name="Set up")
    world.at_s = 1.0
    world.tell("step", build, "pending", "running", attempt=1, step=1, name="Run make")
    world.log(build, 1, 1, b"compiling\nlinking [bold]x[/bold]\n")
    world.at_s = 3.5
    assert drawn(tree, world).split("\n") == [
        "◌ queued  CI #3  0/2 jobs  3.5 s  push main 01234567",
        "  ● running    build   3.5 s",
        "      ✓ 1 step done",
        "      ● running  Run make  2.5 s",
        "        linking [bold]x[/bold]",
        "      ○ 1 to go",
        "  ○ pending    deploy  waits for build",
    ]


def test_a_retry_counts_down_to_its_next_attempt(world, tree):
    build = world.job(1, "build")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    tree.job_added(replace(build, next_attempt_at=world.now() + timedelta(seconds=10)))
    world.tell("job", build, "running", "retrying")
    world.at_s = 4.0
    assert "↻ retrying   build  0.0 s  attempt 1  next in 6.0 s" in drawn(tree, world)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (20, 3)])
def test_the_tree_fits_any_window(world, tree, width, height):
    legs = [world.job(n, f"test ({n}, {'long name ' * 9})", key="test") for n in range(1, 301)]
    world.run(world.job(900, "build"), *legs, world.job(901, "deploy", needs=("test",)))
    for leg in legs[::2]:
        world.tell("job", leg, "queued", "running", attempt=1)
    lines = tree_lines(tree._board, world.now(), width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_name_is_cut_so_that_times_are_seen_and_jobs_told_apart(world, tree, width):
    legs = [world.job(n, f"测试 ubuntu on Python 3.{n} {'with a long suffix ' * 5}", key="test") for n in (11, 12)]
    world.run(*legs)
    for leg in legs:
        world.tell("job", leg, "queued", "running", attempt=1)
    world.at_s = 2.5
    _, *lines = drawn(tree, world, width).split("\n")
    assert all(line.rstrip().endswith("2.5 s") for line in lines)
    assert ["3.11" in line for line in lines] == [True, False]


def test_a_matrix_folds_into_one_line_before_anything_is_hidden(world, tree):
    legs = [world.job(n, f"test ({n})", key="test") for n in range(1, 41)]
    world.run(*legs)
    for leg in legs[:3]:
        world.tell("job", leg, "queued", "running", attempt=1)
    shown = drawn(tree, world)
    assert "test ×40: 3 running, 37 pending" in shown
    assert shown.count("running    test (") == 3
    assert "test (" not in drawn(tree, world, height=4)


def test_runs_that_are_over_or_wait_fold_away_before_anything_is_hidden(world, tree):
    runs = [world.run(world.job(n, "build", run_id=n), id=n, name=f"W{n}") for n in range(1, 31)]
    for run in runs[:3]:
        world.tell("run", run, "running", "success")
    world.tell("job", world.job(4, "build", run_id=4), "queued", "running", attempt=1)
    assert drawn(tree, world, height=4).split("\n") == [
        "◌ queued  W4 #3  0/1 jobs  0.0 s  push main 01234567",
        "  ● running    build  0.0 s",
        "✓ 3 more runs finished",
        "○ 26 more runs wait",
    ]


def test_nothing_but_text_and_colour_of_a_job_reaches_the_screen(world, tree, screen):
    build = world.job(1, "\x1b]0;title\x07build[red]")
    world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.tell("step", build, "pending", "running", attempt=1, step=1, name="\x1b[5;5Hstep")
    world.log(build, 1, 1, b"\x1b]52;c;eA==\x07evil\x1b[5;5H\n")
    tree.tick()
    assert "build[red]" in screen.getvalue()
    assert not any(bad in screen.getvalue() for bad in ("title", "\x1b]", "\x1b[5;5H", "eA=="))


def test_the_end_leaves_the_summary_and_the_cursor(world, tree, screen):
    build = world.job(1, "build")
    run = world.run(build)
    world.tell("job", build, "queued", "running", attempt=1)
    world.log(build, 1, 1, b"why it broke\n")
    world.tell("step", build, "running", "failed", attempt=1, step=1, name="make", code=2)
    world.tell("job", build, "running", "failed", attempt=1)
    world.tell("run", run, "running", "failed")
    tree.tick()
    tree.finished(Result("failed", 1.0, ()))
    tree.close()
    end = screen.getvalue().rpartition("\x1b[?25h")[2]
    assert "why it broke" in end and "exit code 2" in end and "treadle logs j1" in end
    assert "\x1b[?25l" not in end


def test_a_job_counts_against_the_usual_and_what_is_late_is_said(world, tree):
    build = replace(world.job(1, "build"), expected_s=60.0)
    world.run(build, world.job(2, "new"))
    for job in (build, world.job(2, "new")):
        world.tell("job", job, "queued", "running", attempt=1)

    def rows() -> list[str]:
        return [line.plain for line in tree_lines(tree._board, world.now(), 80, 24)][1:]

    world.at_s = 42.0
    assert rows() == ["  ● running    build  0:42 of ~1:00", "  ● running    new    42 s"]
    world.at_s = 200.0
    assert rows()[0] == "  ● running    build  3:20 of ~1:00  3x slower than usual"
    world.tell("job", build, "running", "success", attempt=1)
    assert rows()[0] == "  ✓ success    build  3 m 20 s"
