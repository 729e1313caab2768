"""snapshot and backup: whole command lines against a real home."""

import io
import json
import tarfile
from types import SimpleNamespace

import pytest

from app.cli.main import main
from engine.store.store import open_store


@pytest.fixture
def treadle(tmp_path, capfdbinary):
    """Run `treadle WORDS…` on a home of the test's own; returns code, stdout, stderr."""

    def run(*words: str, home=tmp_path / "home"):
        try:
            code = main([*words, "--home", str(home)])
        except SystemExit as end:
            code = end.code
        out, err = capfdbinary.readouterr()
        return SimpleNamespace(code=code, out=out, err=err.decode())

    return run


@pytest.fixture
def home(tmp_path):
    open_store(tmp_path / "home", create=True).close()
    return tmp_path / "home"


def test_a_snapshot_is_taken_listed_and_restored(treadle, home, tmp_path):
    made = treadle("snapshot", "create")
    assert made.code == 0
    name = made.out.decode().strip()
    assert "key" not in made.err
    (home / "secret.key").write_text("k")
    assert "key" in treadle("backup", str(tmp_path / "b.tar")).err
    treadle("token", "create", "--scope", "read", "--name", "later")
    second = json.loads(treadle("snapshot", "create", "--json").out)
    assert [one["id"] for one in json.loads(treadle("snapshot", "list", "--json").out)] == [second["id"], name]
    assert name in treadle("snapshot", "list").out.decode()
    new = tmp_path / "new"
    restored = treadle("snapshot", "restore", name, "--to", str(new))
    assert (restored.code, restored.out.decode()) == (0, f"{new}\n")
    assert "paused" in restored.err
    assert json.loads(treadle("token", "list", "--json", home=new).out) == []
    assert treadle("snapshot", "restore", name, "--to", str(new)).code == 1


def test_a_difference_is_told_in_words_and_json(treadle, home):
    name = treadle("snapshot", "create").out.decode().strip()
    treadle("token", "create", "--scope", "read", "--name", "later")
    treadle("snapshot", "create")
    told = treadle("snapshot", "diff", name, "latest").out.decode()
    assert told.splitlines()[0] == "token: 1 added"
    assert "later (read)" in told
    assert json.loads(treadle("snapshot", "diff", name, "--json").out)["counts"]["token"]["added"] == 1
    assert "Nothing changed" in treadle("snapshot", "diff", "latest", "latest").err


def test_snapshots_are_removed_by_name_alone_when_a_person_took_them(treadle, home):
    name = treadle("snapshot", "create").out.decode().strip()
    assert treadle("snapshot", "prune").err.startswith("0 snapshots")
    assert treadle("snapshot", "prune", name, "--dry-run").code == 2
    assert treadle("snapshot", "prune", name).code == 0
    assert json.loads(treadle("snapshot", "list", "--json").out) == []
    assert treadle("snapshot", "prune", name).code == 1


def test_a_backup_is_one_private_file_that_restores(treadle, home, tmp_path):
    treadle("token", "create", "--scope", "read", "--name", "kept")
    path = tmp_path / "b.tar"
    path.write_text("an old one")
    told = json.loads(treadle("backup", str(path), "--json").out)
    assert (told["runs"], told["incomplete"]) == (0, [])
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b.tar", "home"]
    assert treadle("snapshot", "restore", str(path), "--to", str(tmp_path / "new")).code == 0
    assert [one["name"] for one in json.loads(treadle("token", "list", "--json", home=tmp_path / "new").out)] == [
        "kept"
    ]


def test_a_backup_goes_to_a_pipe(treadle, home):
    done = treadle("backup", "-")
    assert done.code == 0
    with tarfile.open(fileobj=io.BytesIO(done.out)) as tar:
        assert tar.getnames()[-1] == "digests.json"


@pytest.mark.parametrize("words", [("snapshot", "list"), ("snapshot", "create"), ("backup", "x.tar")])
def test_a_home_that_is_not_there_is_not_made(treadle, tmp_path, words):
    refused = treadle(*words, home=tmp_path / "nowhere")
    assert (refused.code, "nothing in" in refused.err) == (1, True)
    assert not (tmp_path / "nowhere").exists()


def test_a_backup_that_cannot_be_written_is_told(treadle, home, tmp_path):
    refused = treadle("backup", str(tmp_path / "no/such/b.tar"))
    assert (refused.code, "cannot be written" in refused.err) == (1, True)


@pytest.mark.parametrize("words", [("snapshot",), ("snapshot", "restore", "x"), ("snapshot", "diff"), ("backup",)])
def test_wrong_usage_is_2(treadle, home, words):
    assert treadle(*words).code == 2


def test_a_damaged_record_stops_no_listing_and_is_removed_by_its_id(treadle, home):
    bad = treadle("snapshot", "create").out.decode().strip()
    good = treadle("snapshot", "create").out.decode().strip()
    (home / "snapshots" / f"{bad}.json").write_text("{")
    told = treadle("snapshot", "list")
    assert [line.split()[0] for line in told.out.decode().splitlines()] == ["ID", good]
    assert f"{bad} is damaged" in told.err and f"`treadle snapshot prune {bad}` removes it" in told.err
    assert [one["id"] for one in json.loads(treadle("snapshot", "list", "--json").out)] == [good]
    assert "is damaged" in treadle("snapshot", "diff", bad).err
    assert "is damaged" in treadle("prune", "--dry-run").err
    assert "1 snapshot removed" in treadle("snapshot", "prune", bad).err
    assert treadle("snapshot", "list").err == ""
