"""The port's contract, held by all executors: the fake, this machine, and Docker."""

import os
import posixpath
from typing import TYPE_CHECKING

import pytest

from engine.core.errors import EngineError
from engine.worker.executor import BoxExit
from engine.worker.steps.session import StepEnd

if TYPE_CHECKING:
    from tests.engine.worker.conftest import Bench


def test_a_step_ends_with_its_own_exit_code_and_both_streams_in_order(bench: "Bench") -> None:
    session = bench.open()
    end = bench.run(session, 0, "fail")
    assert (end.index, end.exit_code, end.oom_kills) == (0, 3, 0)
    assert bench.log(session, 0) == b"out\nerr\n"


def test_a_failed_step_does_not_end_the_box(bench: "Bench") -> None:
    session = bench.open()
    assert [bench.run(session, index, what).exit_code for index, what in ((0, "fail"), (4, "pass"))] == [3, 0]


def test_output_arrives_byte_for_byte(bench: "Bench") -> None:
    session = bench.open()
    bench.run(session, 0, "odd bytes")
    assert bench.log(session, 0) == b"\xff\x00a\r\nno end"


def test_a_step_gets_its_environment_whatever_its_names_and_values_are(bench: "Bench") -> None:
    session = bench.open()
    value = 'it\'s $HOME `id` \\ "q"\nnew line é'
    env = {"PLAIN": value, "DRY-RUN": "a b", "UID": "7", "IFS": "x", "n": "driver's own names", "C": "", "A.B": "="}
    bench.run(session, 0, "show", env=env, argv=("cat", "/proc/self/environ"))
    seen = dict(entry.split("=", 1) for entry in bench.log(session, 0).decode().split("\0") if entry)
    assert {name: seen.get(name) for name in env} == env


def test_only_one_step_runs_at_a_time(bench: "Bench") -> None:
    session = bench.open()
    session.start_step(bench.step(0, "hang"))
    with pytest.raises(EngineError, match="while step 0 runs"):
        session.start_step(bench.step(1, "pass"))


def test_an_interrupted_step_ends_and_the_next_one_runs(bench: "Bench") -> None:
    session = bench.open()
    session.start_step(bench.step(0, "hang"))
    bench.wait_for(session, 0, b"begun")
    session.interrupt()
    session.interrupt()
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert end.exit_code == 143
    assert bench.run(session, 1, "pass").exit_code == 0


def test_an_interrupt_reaches_a_step_that_has_not_begun(bench: "Bench") -> None:
    session = bench.open()
    session.start_step(bench.step(0, "hang"))
    session.interrupt()
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert end.exit_code != 0
    assert bench.run(session, 1, "pass").exit_code == 0


def test_an_interrupt_between_steps_stops_nothing(bench: "Bench") -> None:
    session = bench.open()
    bench.run(session, 0, "pass")
    session.interrupt()
    session.box.interrupt()
    assert bench.run(session, 1, "pass").exit_code == 0


def test_poll_returns_in_time_while_nothing_happens(bench: "Bench") -> None:
    session = bench.open()
    assert session.poll(0) is None
    session.start_step(bench.step(0, "hang"))
    assert session.poll(0.01) is None


def test_the_driver_leaves_when_no_step_follows(bench: "Bench") -> None:
    session = bench.open()
    bench.run(session, 0, "pass")
    session.end()
    assert session.poll(20) == BoxExit(0)
    assert session.box.exited() == BoxExit(0)


def test_a_killed_box_says_so(bench: "Bench") -> None:
    session = bench.open()
    session.start_step(bench.step(0, "hang"))
    bench.wait_for(session, 0, b"begun")
    session.box.kill()
    session.box.kill()
    assert session.poll(20) == BoxExit(137)
    assert list((bench.folder / "box" / "channel" / "step").iterdir()) == []


def test_a_removed_box_cannot_be_adopted_and_removing_repeats(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    session.box.remove()
    session.box.remove()
    bench.executor.close()
    bench.executor = bench.again()
    box = bench.executor.adopt(spec, session.box.id)
    assert box is None or box.exited() is not None  # a process leaves its files to be read


def test_a_box_that_never_was_cannot_be_adopted(bench: "Bench") -> None:
    assert bench.executor.adopt(bench.spec(), "0" * 64) is None
    assert bench.executor.adopt(bench.spec(), "") is None


def test_a_new_engine_goes_on_with_the_step_that_runs(bench: "Bench") -> None:
    spec = bench.spec()
    first = bench.open(spec)
    first.start_step(bench.step(3, "hang"))
    bench.wait_for(first, 3, b"begun")
    second = bench.reopen(spec, first.box.id)
    assert second.current == 3
    assert bench.log(second, 3) == b"begun\n"
    second.interrupt()
    end = second.poll(20)
    assert isinstance(end, StepEnd)
    assert end.index == 3
    assert bench.run(second, 4, "fail").exit_code == 3


def test_a_new_engine_hears_of_a_step_that_ended_meanwhile(bench: "Bench") -> None:
    spec = bench.spec()
    first = bench.open(spec)
    first.start_step(bench.step(0, "fail"))
    bench.wait_for(first, 0, b"err")
    second = bench.reopen(spec, first.box.id)
    end = second.poll(20)
    assert isinstance(end, StepEnd)
    assert (end.index, end.exit_code) == (0, 3)
    assert bench.log(second, 0) == b"out\nerr\n"


def test_a_new_engine_goes_on_with_a_driver_that_waits(bench: "Bench") -> None:
    spec = bench.spec()
    bench.open(spec)
    second = bench.reopen(spec, bench.boxes[0].id)
    assert second.current is None
    assert bench.run(second, 0, "fail").exit_code == 3


def test_strays_go_and_known_boxes_stay(bench: "Bench") -> None:
    kept, stray = bench.open(bench.spec("kept")), bench.open(bench.spec("stray"))
    bench.run(stray, 0, "pass")
    assert len(bench.executor.strays([kept.box.id])) == 1
    assert stray.box.exited(20) is not None
    assert bench.run(kept, 0, "pass").exit_code == 0
    assert bench.executor.strays([kept.box.id]) == []


def test_files_pass_in_and_out(bench: "Bench") -> None:
    session = bench.open()
    session.write_file("input", b"given\n")
    bench.run(session, 0, "files", env={"FILES": session.inside("file")})
    assert session.read_file("output", 100) == b"given\nmore\n"
    assert session.read_file("output", 4) == b"given"  # one more byte than the limit tells that it is longer
    assert session.read_file("absent", 100) is None


def test_a_link_in_place_of_a_file_is_not_followed(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    for name in ("output", "fifo"):
        assert session.read_file(name, 10) is None
    (spec.folder / "channel" / "file" / "output").symlink_to("/etc/passwd")
    os.mkfifo(spec.folder / "channel" / "file" / "fifo")
    assert session.read_file("output", 10) is None
    assert session.read_file("fifo", 10) is None
    with pytest.raises(EngineError):
        session.read_file("../ev", 10)


def test_a_log_that_was_swapped_beforehand_is_made_anew(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    victim = spec.folder / "victim"
    victim.write_text("untouched")
    (spec.folder / "channel" / "log" / "0").symlink_to(victim)
    (spec.folder / "channel" / "step" / "0.sh").mkdir()
    bench.run(session, 0, "fail")
    assert bench.log(session, 0) == b"out\nerr\n"
    assert victim.read_text() == "untouched"


def test_forged_events_are_ignored_or_harm_their_own_step_alone(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    with (spec.folder / "channel" / "ev").open("ab") as events:
        events.write(b"E 9999999999999 0 0 1.0\nE 0 x\nE\nB 0 nan\n\xff\xfe\n" + b"x" * 70_000 + b"\n")
    assert bench.run(session, 0, "fail").exit_code == 3


def test_a_job_that_floods_the_events_forfeits_its_box(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    session.start_step(bench.step(0, "hang"))
    bench.wait_for(session, 0, b"begun")
    with (spec.folder / "channel" / "ev").open("ab") as events:
        events.write(b"flood\n" * 800_000)
    assert session.poll(20) == BoxExit(137)


def test_the_scripts_of_a_step_are_gone_once_it_has_ended(bench: "Bench") -> None:
    spec = bench.spec()
    session = bench.open(spec)
    bench.run(session, 0, "pass", env={"SECRET": "hunter2"})
    assert list((spec.folder / "channel" / "step").iterdir()) == []


READABLE = """
mkdir -p deep "$TEMP/x"; printf '{"a": 1}' >deep/m.json; ln -s m.json deep/link; ln -s "$PWD/deep/link" far
ln -s loop loop; cp deep/m.json "$TEMP/x/m.json"; mkfifo pipe; head -c 2000 /dev/zero >large
"""


def test_a_file_is_read_from_outside_by_its_path_inside(real_bench: "Bench") -> None:
    session = real_bench.open()
    box = session.box
    assert real_bench.run(session, 0, READABLE, env={"TEMP": box.temp}).exit_code == 0
    for path in (
        "deep/m.json",
        "deep/link",
        "far",
        f"{box.temp}/x/m.json",
        "../" + box.workspace.rsplit("/", 1)[1] + "/far",
    ):
        assert box.read_file(posixpath.join(box.workspace, path), 1000) == b'{"a": 1}'
    for path, why in (
        ("no", "file"),
        ("deep", "plain|irectory"),
        ("pipe", "plain"),
        ("large", "larger"),
        ("loop", "link|level"),
    ):
        with pytest.raises(EngineError, match=why):
            box.read_file(f"{box.workspace}/{path}", 1000)
    box.kill()
    with pytest.raises(EngineError):
        box.read_file(f"{box.workspace}/deep/none", 1000)
