"""What only real processes can show, on this machine and in containers: endings, interrupts, orphans, restarts."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.core.clock import SystemClock
from engine.worker.executor import BoxExit
from engine.worker.host import sweep as host_sweep
from engine.worker.steps.session import DRAIN_S, StepEnd

if TYPE_CHECKING:
    from tests.engine.worker.conftest import Bench

MONOTONIC_S = SystemClock().monotonic_s


def test_a_step_sees_an_empty_stdin_and_default_signals(real_bench: "Bench") -> None:
    session = real_bench.open()
    real_bench.run(session, 0, "cat; trap 'echo caught' INT; kill -INT $$; grep SigIgn /proc/self/status")
    lines = real_bench.log(session, 0).decode().splitlines()
    if real_bench.executor.kind == "host":  # an image's env may lack --default-signal, as busybox does
        assert lines[0] == "caught"
        assert int(lines[1].split()[1], 16) & 0x7FFFFFFF == 0  # above that are the C library's own


def test_a_missing_working_directory_fails_the_step_with_a_line(real_bench: "Bench") -> None:
    session = real_bench.open()
    assert real_bench.run(session, 0, "echo never", cwd="/no/such place").exit_code == 1
    assert real_bench.log(session, 0) == b"treadle: there is no working directory /no/such place\n"


def test_a_missing_shell_fails_the_step_and_not_the_box(real_bench: "Bench") -> None:
    session = real_bench.open()
    session.start_step(real_bench.step(0, "", argv=("no-such-shell", "{0}")))
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert end.exit_code in (126, 127)
    assert b"no-such-shell" in real_bench.log(session, 0)
    assert real_bench.run(session, 1, "pass").exit_code == 0


def test_opening_stdout_anew_cuts_nothing_off(real_bench: "Bench") -> None:
    session = real_bench.open()
    real_bench.run(session, 0, "echo a; echo b >/dev/stdout; echo c >/dev/stderr; echo d")
    assert real_bench.log(session, 0) == b"a\nb\nc\nd\n"


def test_much_output_arrives_whole_before_the_end(real_bench: "Bench") -> None:
    session = real_bench.open()
    real_bench.run(session, 0, "seq 1 200000; printf end")
    assert real_bench.log(session, 0) == b"".join(b"%d\n" % n for n in range(1, 200001)) + b"end"


def test_a_child_left_behind_delays_the_end_a_little_and_writes_on_into_its_own_log(real_bench: "Bench") -> None:
    session = real_bench.open()
    before = MONOTONIC_S()
    real_bench.run(session, 0, '{ cat "$GATE"; echo late; } & echo now', env={"GATE": gate(real_bench)})
    assert MONOTONIC_S() - before < DRAIN_S + 0.5
    assert real_bench.log(session, 0) == b"now\n"
    real_bench.run(session, 1, ': >"$GATE"; echo next', env={"GATE": gate(real_bench)})
    real_bench.wait_for(session, 0, b"late")
    assert real_bench.log(session, 1) == b"next\n"


def test_a_quiet_daemon_does_not_delay_the_end(real_bench: "Bench") -> None:
    session = real_bench.open()
    before = MONOTONIC_S()
    real_bench.run(session, 0, "sleep 100 >/dev/null 2>&1 &")
    assert MONOTONIC_S() - before < DRAIN_S


def test_a_step_may_clean_up_when_it_is_interrupted(real_bench: "Bench") -> None:
    session = real_bench.open()
    script = "trap 'echo bye; exit 9' TERM; echo begun; while :; do sleep .01; done"
    session.start_step(real_bench.step(0, script))
    real_bench.wait_for(session, 0, b"begun")
    session.interrupt()
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert end.exit_code == 9
    assert real_bench.log(session, 0).endswith(b"bye\n")


def test_a_step_deaf_to_term_is_killed_after_the_grace(real_bench: "Bench") -> None:
    session = real_bench.open()
    session.start_step(real_bench.step(0, "trap '' TERM; echo begun; while :; do sleep 1; done"))
    real_bench.wait_for(session, 0, b"begun")
    before = MONOTONIC_S()
    session.interrupt()
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert end.exit_code == 137
    assert 0.4 < MONOTONIC_S() - before < 3


def test_an_interrupt_leaves_no_survivor(real_bench: "Bench") -> None:
    session = real_bench.open()
    script = """
        trap '' TERM
        setsid sleep 4711 &
        env -i "$(command -v setsid)" "$(command -v sleep)" 4711 >/dev/null 2>&1 &
        (trap '' TERM; setsid sh -c 'sleep 4711 & wait') >/dev/null 2>&1 &
        echo begun; sleep 4711"""
    session.start_step(real_bench.step(0, script))
    real_bench.wait_for(session, 0, b"begun")
    session.interrupt()
    assert isinstance(session.poll(20), StepEnd)
    real_bench.run(session, 1, COUNT_SLEEPERS)
    assert real_bench.log(session, 1) == b"0\n"


def test_the_end_of_the_box_leaves_no_survivor_either(host_bench: "Bench") -> None:
    session = host_bench.open()
    daemon = 'env -i "$(command -v setsid)" "$(command -v sleep)" 4712 >/dev/null 2>&1 & setsid sleep 4712 & echo $!'
    host_bench.run(session, 0, daemon)
    session.end()
    assert session.poll(20) == BoxExit(0)
    session.box.remove()
    assert not any(b"4712" in command for command in commands())


def test_killing_a_host_box_ends_its_daemons_too(host_bench: "Bench") -> None:
    session = host_bench.open()
    daemon = 'env -i "$(command -v setsid)" "$(command -v sleep)" 4713 >/dev/null 2>&1 & setsid sleep 4713 & echo $!'
    host_bench.run(session, 0, daemon)
    session.box.kill()
    assert session.poll(20) == BoxExit(137)
    assert not any(b"4713" in command for command in commands())


def test_a_killed_engine_loses_and_doubles_no_byte(real_bench: "Bench") -> None:
    spec = real_bench.spec()
    program = """
        import sys
        from pathlib import Path
        from engine.worker.docker.executor import DockerExecutor
        from engine.worker.executor import BoxSpec
        from engine.worker.host.executor import HostExecutor
        from engine.worker.steps.session import Session
        from engine.worker.steps.script import StepScript

        kind, home, name, folder, image, script = sys.argv[1:]
        executor = DockerExecutor(home) if kind == "docker" else HostExecutor(home)
        Session.prepare(Path(folder))
        box = executor.start(BoxSpec(name, image or None, Path(folder), {}))
        session = Session(box, Path(folder), 0.5)
        session.start_step(StepScript(0, ("sh", "-e", "{0}"), script, {}, box.workspace))
        print(box.id, flush=True)
        session.poll(60)
    """
    script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; printf end; exit 5"
    arguments = (real_bench.executor.kind, real_bench.home_id, spec.name, str(spec.folder), spec.image or "", script)
    engine = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert engine.stdout is not None
    with engine.stdout:
        box_id = engine.stdout.readline().decode().strip()
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    session = real_bench.reopen(spec, box_id)
    end = session.poll(60)
    assert isinstance(end, StepEnd)
    assert end.exit_code == 5
    assert real_bench.log(session, 0) == b"".join(b"%d\n" % n for n in range(1, 20001)) + b"end"
    assert real_bench.run(session, 1, "fail").exit_code == 3


def test_a_script_that_a_killed_engine_handed_over_without_a_word_runs(
    real_bench: "Bench", monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = real_bench.spec()
    session = real_bench.open(spec)
    real_bench.run(session, 0, "true")  # after which the driver sleeps until it is told to look again
    with monkeypatch.context() as killed:
        killed.setattr(session, "_poke", lambda: None)
        session.start_step(real_bench.step(1, "echo here; exit 4"))
    session = real_bench.reopen(spec, real_bench.boxes[-1].id)
    assert session.current == 1
    end = session.poll(30)
    assert isinstance(end, StepEnd)
    assert (end.index, end.exit_code, real_bench.log(session, 1)) == (1, 4, b"here\n")


COUNT_SLEEPERS = """
    n=0
    for f in /proc/[0-9]*/cmdline; do
      case $(tr '\\0' ' ' 2>/dev/null <"$f") in *"sleep 4711"*) n=$((n + 1)) ;; esac
    done
    echo $n"""


def gate(bench: "Bench") -> str:
    """A FIFO in the channel, as seen in the box: a step waits at it without the clock."""
    path = bench.folder / "box" / "channel" / "exchange" / "gate"
    if not path.exists():
        os.mkfifo(path)
        path.chmod(0o666)
    return f"{bench.boxes[-1].channel}/exchange/gate"


def commands() -> list[bytes]:
    found = []
    for pid in host_sweep.processes():
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_driver_runs_under_any_posix_shell(host_bench: "Bench", tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"There is no {shell} on this machine.")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(program)
    session = host_bench.open(host_bench.spec(env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}))
    ends = [host_bench.run(session, index, "fail").exit_code for index in range(3)]
    session.start_step(host_bench.step(3, "trap '' TERM; (trap '' TERM; setsid sleep 4714 &); echo begun; sleep 4714"))
    host_bench.wait_for(session, 3, b"begun")
    session.interrupt()
    session.interrupt()
    end = session.poll(20)
    assert isinstance(end, StepEnd)
    assert [*ends, end.exit_code, host_bench.run(session, 4, "pass").exit_code] == [3, 3, 3, 137, 0]
    assert not any(b"4714" in command for command in commands())
    session.end()
    assert session.poll(20) == BoxExit(0)
