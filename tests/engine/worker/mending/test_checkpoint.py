"""Checkpoints in real boxes: what is packed, what comes back in another box, and what is said when that cannot be."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import EngineError
from engine.store.contents.checkpoints import Checkpoint
from engine.worker.executor import Box
from engine.worker.mending.checkpoint import Checkpointer
from engine.worker.steps.session import Session
from tests.engine.fakes import Lab, jobs
from tests.engine.worker.conftest import Bench, leftovers, make

MUCH = 1 << 30
# Contents, kinds, modes, owners and targets of all files; what times they bear is of no matter here.
STATE = """
cd "$WHERE"
for one in $(find . | sort); do
  printf '%s %s %s ' "$one" "$(stat -c '%A %u %g' "$one")" "$(readlink "$one")"
  if [ -f "$one" ] && [ ! -L "$one" ]; then md5sum <"$one"; else echo; fi
done
"""
FILL = r"""
mkdir -p src/deep 'odd names' empty
echo one >src/a; echo two >src/deep/b; printf 'x\ny' >'odd names/line
break'
ln -s ../src/a empty/link; ln -s nowhere dangling; ln src/a hard
printf '#!/bin/sh\n' >run; chmod 755 run; chmod 600 src/deep/b; chmod 700 empty
echo temp >"$TEMP/t"
"""
CHANGE = r"""
echo more >>src/a; rm src/deep/b; rmdir src/deep; rm -r empty; echo now-a-file >empty; mkdir hollow
rm hard; mkdir hard; echo in >hard/in; mv 'odd names' moved
"""


class Stage:
    """A bench whose boxes take checkpoints into a store."""

    def __init__(self, bench: Bench, lab: Lab) -> None:
        self.bench, self.lab = bench, lab
        lab.run(jobs(a=""))
        lease = lab.start()
        assert lease is not None
        self.lease = lease

    def open(self, name: str, **more: Any) -> tuple[Session, Checkpointer]:
        session = self.bench.open(self.bench.spec(name, **more))
        folder, box = self.bench.folder / name, self.bench.boxes[-1]
        exchange, inside = folder / "channel" / "exchange", session.inside("exchange")
        store = self.lab.store.checkpoints
        return session, Checkpointer(store, self.lease, box, exchange, inside, "x", "y", MUCH, lambda: None)

    def take(self, checkpointer: Checkpointer, step: int) -> Checkpoint:
        return checkpointer.take(step, {}, self.lab.clock.now())

    def state(self, session: Session, index: int, where: str) -> bytes:
        assert self.bench.run(session, index, STATE, env={"WHERE": where}).exit_code == 0
        return self.bench.log(session, index)


@pytest.fixture(params=["host", "busybox", "debian"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, lab: Lab) -> Iterator[Stage]:
    if request.param == "host":
        bench = make("host", tmp_path)
    else:
        bench = make(
            "docker",
            tmp_path,
            request.getfixturevalue(f"docker_{'engine' if request.param == 'busybox' else 'debian'}"),
        )
    yield Stage(bench, lab)
    bench.close()
    if request.param != "host":
        assert leftovers(bench.home_id) == []


def test_files_links_and_modes_come_back_in_another_box_in_all_layers(stage: Stage) -> None:
    session, checkpointer = stage.open("one")
    box = stage.bench.boxes[-1]
    stage.bench.run(session, 0, FILL, env={"TEMP": box.temp})
    first = stage.take(checkpointer, 0)
    before = stage.state(session, 1, box.workspace)
    stage.bench.run(session, 2, CHANGE)
    second = stage.take(checkpointer, 1)
    after = stage.state(session, 3, box.workspace)
    assert before != after
    box.remove()
    for name, found, expected in (("two", first, before), ("three", second, after)):
        session, checkpointer = stage.open(name)
        checkpointer.lay_down(found)
        assert stage.state(session, 0, stage.bench.boxes[-1].workspace) == expected
        assert stage.bench.run(session, 1, 'cat "$TEMP/t"', env={"TEMP": stage.bench.boxes[-1].temp}).exit_code == 0
        assert stage.bench.log(session, 1) == b"temp\n"


def test_only_what_changed_costs(stage: Stage) -> None:
    session, checkpointer = stage.open("one")
    stage.bench.run(session, 0, "head -c 30000000 /dev/urandom >large; head -c 1000 /dev/urandom >small")
    first = stage.take(checkpointer, 0)
    stage.bench.run(session, 1, "echo more >>small")
    second = stage.take(checkpointer, 1)
    assert first.size_bytes > 30_000_000
    assert second.size_bytes < first.size_bytes / 2
    third_session, third = stage.open("two")
    third.lay_down(second)
    assert stage.take(third, 2).size_bytes < first.size_bytes / 2
    del third_session


def test_what_a_container_changed_of_its_image_comes_back(tmp_path: Path, lab: Lab, docker_debian: str) -> None:
    bench = make("docker", tmp_path, docker_debian)
    stage = Stage(bench, lab)
    script = """
    mkdir -p /opt/tool/bin; printf '#!/bin/sh\\necho installed' >/opt/tool/bin/tool; chmod 755 /opt/tool/bin/tool
    ln -s /opt/tool/bin/tool /usr/local/bin/tool; echo changed >/etc/issue; rm /etc/debian_version
    rm -r /usr/share/doc; mkdir /usr/share/doc; echo again >/usr/share/doc/x
    mkdir -p /github/home; echo h >/github/home/h
    """
    check = """
    tool; cat /etc/issue /usr/share/doc/x /github/home/h; ls /usr/share/doc; [ ! -e /etc/debian_version ]
    """
    try:
        session, checkpointer = stage.open("one")
        assert bench.run(session, 0, script).exit_code == 0
        found = stage.take(checkpointer, 0)
        assert found.size_bytes < 100_000
        bench.run(session, 1, "echo more >/opt/tool/more")
        small = stage.take(checkpointer, 1)
        session, checkpointer = stage.open("two")
        checkpointer.lay_down(small)
        assert bench.run(session, 0, check).exit_code == 0
        assert bench.log(session, 0) == b"installed\nchanged\nagain\nh\nx\n"
        assert bench.run(session, 1, "cat /opt/tool/more").exit_code == 0
    finally:
        bench.close()


def test_files_of_root_are_kept_of_a_box_that_runs_as_another_user(
    tmp_path: Path, lab: Lab, docker_debian: str
) -> None:
    from pipelines.container_options import BoxOptions

    bench = make("docker", tmp_path, docker_debian)
    stage = Stage(bench, lab)
    try:
        session, checkpointer = stage.open("one", options=BoxOptions(user="1000:1000"))
        bench.run(session, 0, "echo mine >mine")
        assert bench.boxes[-1].aside("umask 077; echo root >/github/workspace/root", {}, lambda: None) == 0
        found = stage.take(checkpointer, 0)
        session, checkpointer = stage.open("two", options=BoxOptions(user="1000:1000"))
        checkpointer.lay_down(found)
        assert bench.run(session, 0, 'stat -c "%n %A %u" mine root; cat mine; echo more >>mine').exit_code == 0
        assert bench.log(session, 0) == b"mine -rw-r--r-- 1000\nroot -rw------- 0\nmine\n"
    finally:
        bench.close()


def test_more_than_all_may_take_is_refused_and_leaves_nothing(stage: Stage) -> None:
    session, checkpointer = stage.open("one")
    stage.bench.run(session, 0, "head -c 300000 /dev/urandom >large")
    checkpointer.limit_bytes = 100_000
    with pytest.raises(EngineError, match="more than all checkpoints together may take"):
        stage.take(checkpointer, 0)
    assert stage.lab.store.checkpoints.list(stage.lease.job_id) == []
    assert [path.name for path in checkpointer.exchange.iterdir()] == []


def test_whoever_looks_may_end_it(stage: Stage) -> None:
    _, checkpointer = stage.open("one")

    class Enough(Exception):
        pass

    def enough() -> None:
        raise Enough

    checkpointer.look = enough
    with pytest.raises(Enough):
        stage.bench.boxes[-1].aside("sleep 30", {}, enough)
    assert stage.lab.store.checkpoints.list(stage.lease.job_id) == []


def test_a_box_that_is_gone_is_no_checkpoint(stage: Stage) -> None:
    _, checkpointer = stage.open("one")
    box: Box = stage.bench.boxes[-1]
    if stage.bench.image is None:
        pytest.skip("files on this machine stay")
    box.kill()
    with pytest.raises(EngineError):
        stage.take(checkpointer, 0)


def test_an_aside_takes_its_values_from_its_environment_alone(stage: Stage) -> None:
    stage.open("one")
    odd = "a b'\"$(id)\n"
    script = f'[ "$ODD" = {shlex.quote(odd)} ]'
    assert stage.bench.boxes[-1].aside(script, {"ODD": odd}, lambda: None) == 0
    assert stage.bench.boxes[-1].aside("exit 7", {}, lambda: None) == 7
