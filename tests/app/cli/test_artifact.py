"""`treadle artifact`, on a home and over the line: the same list, the same files, and never over others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import main
from app.client import Client
from engine.core.errors import NoEngine
from tests.app.server.artifacts import leave
from tests.engine.fakes import jobs

ROOT = Path(__file__).resolve().parents[3]
FILES = {"number": b"2\n", "data/d1/f1.bin": bytes(range(256)) * 9000, "link": b"-> data/d1"}


@pytest.fixture(params=["home", "connect"])
def treadle(request, site, capsys, monkeypatch, tmp_path):
    """Carry out a line on the home itself, in a process of its own; or from far away."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    far = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]

    def on_the_home(*line):
        command = [sys.executable, "-m", "app.cli.main", *map(str, line), "--home", str(site.home)]
        ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        return ended.returncode, ended.stdout, ended.stderr

    def from_afar(*line):
        try:
            code = main([*map(str, line), *far])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return on_the_home if request.param == "home" else from_afar


def test_artifacts_are_listed_of_all_runs_or_of_one(site, treadle):
    assert treadle("artifact", "list") == (0, "", "No artifacts.\n")
    runs = [site.lab.run(jobs(build="")), site.lab.run(jobs(test=""), repo="acme/app")]
    for run in runs:
        leave(site, run, f"of-{run}", FILES)
    code, out, _ = treadle("artifact", "list")
    head, *rows = out.splitlines()
    assert code == 0 and head.split() == [
        "RUN",
        "WORKFLOW",
        "REPO",
        "JOB",
        "NAME",
        "SIZE",
        "FILES",
        "AGE",
        "KEPT",
        "UNTIL",
    ]
    assert [row.split()[0] for row in rows] == [f"r{runs[1]}", f"r{runs[0]}"]
    assert "2.2 MiB" in rows[0] and "acme/app" in rows[0]
    assert f"of-{runs[0]}" in treadle("artifact", "list", f"r{runs[0]}")[1]
    assert f"of-{runs[0]}" not in treadle("artifact", "list", "--repo", "acme/app")[1]
    told = json.loads(treadle("artifact", "list", "latest", "--json")[1])
    assert [(one["name"], one["job_name"], one["files"]) for one in told] == [(f"of-{runs[1]}", "test", 3)]


def test_a_long_list_comes_over_several_pages_and_ends_where_it_should(site, treadle):
    for number in range(5):
        run = site.lab.run(jobs(a=""))
        for name in "xy":
            leave(site, run, f"{name}{number}")
            site.lab.clock.advance(1)
    told = json.loads(treadle("artifact", "list", "--limit", 7, "--json")[1])
    assert [one["name"] for one in told] == ["y4", "x4", "y3", "x3", "y2", "x2", "y1"]


def test_an_artifact_comes_bit_for_bit_into_the_folder_that_is_named(site, treadle, tmp_path):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    out = tmp_path / "out"
    out.mkdir()
    code, said, err = treadle("artifact", "get", run, "tree", "--output", out)
    assert (code, said) == (0, "")
    assert "3 files, 2.2 MiB" in err
    assert (out / "link" / "f1.bin").read_bytes() == FILES["data/d1/f1.bin"]
    code, _, err = treadle("artifact", "get", run, "tree", "--output", out)
    assert code == 1 and "is there already" in err
    assert sorted(path.name for path in out.iterdir()) == ["data", "link", "number"]


def test_without_a_folder_it_gets_one_that_no_program_takes_for_its_own(site, treadle, tmp_path):
    run = site.lab.run(jobs(a=""))
    leave(site, run, ".git", {"config": b"[core]"})
    assert treadle("artifact", "get", f"r{run}", ".git", "--json")[0] == 0
    assert [path.name for path in (tmp_path / "here").iterdir()] == [f"treadle-r{run}-.git"]


def test_a_name_that_is_not_there_names_those_that_are(site, treadle):
    run = site.lab.run(jobs(a=""))
    assert "It has none" in treadle("artifact", "get", run, "tree")[2]
    leave(site, run, "tree")
    code, _, err = treadle("artifact", "get", run, "three")
    assert code == 1 and "has no artifact 'three'" in err and "It has 'tree'" in err


def test_a_damaged_artifact_leaves_nothing(site, treadle, tmp_path):
    made = leave(site, site.lab.run(jobs(a="")), "tree", FILES)
    site.desk.artifacts.blobs.path(made.files[-1].digest).unlink()
    assert treadle("artifact", "get", "latest", "tree", "--output", tmp_path / "out")[0] in (1, 3)
    assert not (tmp_path / "out").exists()


def test_one_file_comes_by_its_path_over_links_with_its_permissions(site, treadle, tmp_path):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    assert treadle("artifact", "get", run, "tree", "link/f1.bin")[0] == 0
    assert (tmp_path / "here" / "f1.bin").read_bytes() == FILES["data/d1/f1.bin"]
    code, _, err = treadle("artifact", "get", run, "tree", "data/d1/f1.bin")
    assert code == 1 and "is there already" in err
    code, said, _ = treadle("artifact", "get", run, "tree", "number", "--output", tmp_path / "new" / "two", "--json")
    assert code == 0 and json.loads(said)["output"] == str(tmp_path / "new" / "two")
    assert (tmp_path / "new" / "two").read_bytes() == b"2\n"
    assert treadle("artifact", "get", run, "tree", "number", "--output", tmp_path / "new")[0] == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["number", "two"]
    assert "Did you mean 'number'?" in treadle("artifact", "get", run, "tree", "numbre")[2]
    assert "That is a folder" in treadle("artifact", "get", run, "tree", "data")[2]


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_all_of_it_comes_as_one_archive(site, treadle, tmp_path, form):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    assert treadle("artifact", "get", run, "tree", f"--{form}")[0] == 0
    shutil.unpack_archive(tmp_path / "here" / f"treadle-r{run}-tree.{form}", tmp_path / "out", form)
    assert (tmp_path / "out" / "data" / "d1" / "f1.bin").read_bytes() == FILES["data/d1/f1.bin"]
    assert [path.name for path in (tmp_path / "here").iterdir()] == [f"treadle-r{run}-tree.{form}"]


def test_what_makes_no_sense_is_wrong_usage(site, treadle):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    for line in (("number", "--tar"), ("--tar", "--zip"), ("--output", "-")):
        assert treadle("artifact", "get", run, "tree", *line)[0] == 2


def test_what_was_cut_off_goes_on_where_it_was(site, monkeypatch, tmp_path, capsys):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    line = ["artifact", "get", str(run), "tree", "--tar", "--output", str(tmp_path / "x.tar")]
    line += ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]
    whole, asked = Client.stream, []

    def cut_off(client, path, query=None, timeout_s=None, start=0):
        asked.append(start)
        got = 0
        for chunk in whole(client, path, query, timeout_s, start):
            yield chunk
            got += len(chunk)
            if len(asked) < 3 and got > 500_000:
                raise NoEngine("the line dropped")

    monkeypatch.setattr(Client, "stream", cut_off)
    assert [main(line), main(line), main(line)] == [3, 3, 0]
    assert "the same line goes on from there" in capsys.readouterr().err
    assert asked[0] == 0 < asked[1] < asked[2]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.tar"]
    shutil.unpack_archive(tmp_path / "x.tar", tmp_path / "out")
    assert (tmp_path / "out" / "data" / "d1" / "f1.bin").read_bytes() == FILES["data/d1/f1.bin"]


def test_a_beginning_that_is_none_of_it_is_thrown_away(site, tmp_path, capsys):
    run = site.lab.run(jobs(a=""))
    made = leave(site, run, "tree", FILES)
    digest = next(file.digest for file in made.files if file.path == "number")
    (tmp_path / f".x.{digest[:32]}.part").write_bytes(b"!")
    line = ["artifact", "get", str(run), "tree", "number", "--output", str(tmp_path / "x"), "--home", str(site.home)]
    assert main(line) == 1 and "not what the artifact holds" in capsys.readouterr().err
    assert main(line) == 0 and (tmp_path / "x").read_bytes() == b"2\n"


def test_a_file_goes_to_a_pipe_as_it_is(site, capfdbinary):
    run = site.lab.run(jobs(a=""))
    leave(site, run, "tree", FILES)
    assert main(["artifact", "get", str(run), "tree", "number", "--output", "-", "--home", str(site.home)]) == 0
    assert capfdbinary.readouterr().out == b"2\n"
