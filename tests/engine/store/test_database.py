"""The file itself: migrations, the write lock, the secret key."""

import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from engine.core.errors import EngineError, StoreBusy
from engine.store import database
from engine.store.migrations import MIGRATIONS
from engine.store.soundness import check_database
from engine.store.store import Store, open_store
from engine.store.tables.events import RepoRow


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    open_store(path, create=True).close()
    return path


def version(path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def set_version(path, number: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={number}")


def test_a_home_that_cannot_be_made_says_which_and_what_to_do(tmp_path):
    (tmp_path / "taken").write_text("")
    for home in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(EngineError, match=r"cannot be made: .*--home"):
            open_store(home, create=True)


def test_a_home_that_is_not_there_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(EngineError, match="treadle run"):
        open_store(tmp_path / "nowhere")


def test_a_home_is_its_owners_alone(home):
    for path in (home, *(path for path in home.iterdir() if path.is_dir())):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_newer_schema_is_refused_with_a_clear_word_and_left_alone(home):
    set_version(home / "treadle.db", 99)
    with pytest.raises(EngineError, match=r"newer Treadle \(schema 99; this one knows \d+\)"):
        open_store(home)
    assert version(home / "treadle.db") == 99
    assert list(home.glob("*.before-*")) == []


def test_an_older_schema_is_backed_up_before_it_is_changed(home, monkeypatch):
    store = Store(home)
    store.runs.repo("team/site", "/srv")

    def second(db) -> None:
        db.execute_sql("CREATE TABLE later (id INTEGER)")
        db.execute_sql("DELETE FROM repo")

    newest = len(MIGRATIONS) + 1
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, second))
    reader = sqlite3.connect(home / "treadle.db")  # somebody who looks keeps the write-ahead log from being emptied
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM repo").fetchall()
    Store(home).close()
    reader.close()
    store.close()
    assert version(home / "treadle.db") == newest
    backup = home / f"treadle.db.before-{newest}"
    assert version(backup) == newest - 1
    with closing(sqlite3.connect(backup)) as db:
        assert db.execute("SELECT name FROM repo").fetchall() == [("team/site",)]


def test_a_home_of_an_older_schema_gets_the_columns_that_came_since(home):
    Store(home).close()
    with closing(sqlite3.connect(home / "treadle.db")) as db:
        db.execute("ALTER TABLE job DROP COLUMN cancel_now")
        db.execute("PRAGMA user_version = 2")
    Store(home).close()
    with closing(sqlite3.connect(home / "treadle.db")) as db:
        assert "cancel_now" in {row[1] for row in db.execute("PRAGMA table_info(job)")}


def test_a_migration_that_fails_leaves_everything_as_it_was(home, monkeypatch):
    def broken(db) -> None:
        db.execute_sql("CREATE TABLE half (id INTEGER)")
        raise ValueError("broken")

    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(ValueError, match="broken"):
        Store(home)
    assert version(home / "treadle.db") == len(MIGRATIONS)
    with closing(sqlite3.connect(home / "treadle.db")) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name='half'").fetchone() == (0,)


def test_a_lock_held_too_long_is_store_busy(home, monkeypatch):
    monkeypatch.setitem(database.PRAGMAS, "busy_timeout", 20)
    monkeypatch.setattr(database, "BUSY_S", 0.02)
    store = Store(home)
    with closing(sqlite3.connect(home / "treadle.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked by another process"):
            store.runs.repo("team/site", "/srv")
        other.execute("ROLLBACK")
    assert store.runs.repo("team/site", "/srv") == 1
    store.close()


def test_a_write_that_fails_leaves_nothing_and_gives_the_lock_back(home):
    store = Store(home)
    with pytest.raises(ZeroDivisionError), store.database.write(durable=True):
        RepoRow.create(name="half")
        _ = 1 / 0
    assert RepoRow.select().count() == 0
    assert store.database._db.execute_sql("PRAGMA synchronous").fetchone() == (1,)
    store.runs.repo("team/site", "/srv")
    assert not list(check_database(store.database.path, deep=True))
    store.close()


def test_writes_nest_and_count_as_one(home):
    store = Store(home)
    with pytest.raises(ZeroDivisionError), store.database.write():
        store.runs.repo("team/site", "/srv")
        _ = 1 / 0
    assert RepoRow.select().count() == 0
    store.close()


def test_many_processes_may_open_a_new_home_at_once(tmp_path):
    script = "import sys, pathlib; from engine.store.store import open_store; "
    script += "s = open_store(pathlib.Path(sys.argv[1]), create=True); s.runs.repo(sys.argv[2], '/'); s.close()"
    home = tmp_path / "home"
    started = [subprocess.Popen([sys.executable, "-c", script, str(home), f"r{n}"]) for n in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    store = Store(home)
    assert RepoRow.select().count() == 4
    store.close()


# definitions


WORKFLOW = "on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n"


def test_a_definition_is_kept_once_and_parsed_once(home):
    store = Store(home)
    digest, workflow = store.definitions.keep("ci.yml", WORKFLOW, "")
    assert store.definitions.keep("ci.yml", WORKFLOW, "") == (digest, workflow)
    assert store.definitions.workflow(digest) is workflow
    assert store.definitions.keep("other.yml", WORKFLOW, "")[0] != digest
    store.close()


def test_another_process_reads_the_same_workflow_policy_included(home):
    store = Store(home)
    policy = "ci.yml: {a: {priority: 7}}"
    digest, workflow = store.definitions.keep("ci.yml", WORKFLOW, policy)
    again = Store(home)
    assert again.definitions.workflow(digest) == workflow
    assert again.definitions.workflow(digest).jobs["a"].priority == 7
    store.close()
    again.close()


# secrets


def test_what_is_sealed_holds_no_value_and_opens_to_what_it_was(home):
    box = Store(home).secrets
    values = {"TOKEN": "hunter2hunter2", "ü": "\n\0😀"}
    sealed = box.seal(values)
    assert b"hunter2" not in sealed
    assert box.open(sealed) == values
    assert box.seal({}) is None
    assert box.open(None) == {}


def test_the_key_is_its_owners_alone_and_stays_the_same(home):
    first = Store(home).secrets.seal({"A": "1"})
    key = home / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert Store(home).secrets.open(first) == {"A": "1"}
    assert sorted(path.name for path in home.glob("secret.*")) == ["secret.key"]


def test_of_many_threads_that_need_a_key_all_use_the_same(home):
    box, barrier, sealed = Store(home).secrets, threading.Barrier(8), []

    def seal(number: int) -> None:
        barrier.wait()
        sealed.append(box.seal({"n": str(number)}))

    threads = [threading.Thread(target=seal, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(box.open(one)["n"] for one in sealed) == sorted(map(str, range(8)))


def test_of_two_processes_that_need_a_key_both_use_the_same(home):
    script = "import sys, pathlib; from engine.store.secrets import SecretBox; "
    script += "sys.stdout.buffer.write(SecretBox(pathlib.Path(sys.argv[1])).seal({'n': '1'}))"
    started = [subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE) for _ in range(3)]
    sealed = [process.communicate(timeout=60)[0] for process in started]
    box = Store(home).secrets
    assert [box.open(one) for one in sealed] == [{"n": "1"}] * 3


def test_another_key_opens_nothing_and_shows_nothing(home):
    sealed = Store(home).secrets.seal({"TOKEN": "hunter2hunter2"})
    (home / "secret.key").unlink()
    Store(home).secrets.seal({"A": "1"})
    with pytest.raises(Exception) as caught:
        Store(home).secrets.open(sealed)
    assert "hunter2" not in repr(caught.value)


def test_a_home_of_the_first_schema_gets_what_was_added_since(home):
    with closing(sqlite3.connect(home / "treadle.db")) as db:
        for table in ("pin", "removal"):
            db.execute(f"DROP TABLE {table}")
        for (index,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'run_%finished%'").fetchall():
            db.execute(f"DROP INDEX {index}")
        db.execute("PRAGMA user_version=1")
    store = open_store(home)
    names = {name for (name,) in store.database.rows("SELECT name FROM sqlite_master")}
    assert {"pin", "removal"} <= names and any("finished" in name for name in names if name.startswith("run"))
    store.close()


def test_an_attempt_of_an_older_schema_says_nothing_of_where_its_box_is(home):
    with closing(sqlite3.connect(home / "treadle.db")) as db:
        for column in ("box_executor", "box_image"):
            db.execute(f"ALTER TABLE attempt DROP COLUMN {column}")
        db.execute(
            "INSERT INTO attempt (job_id, number, worker, token, status, started_at, lease_expires_at, heartbeat_at,"
            " kind, reason, box_id, patched) VALUES (1, 1, 'w', 't', 'running', 0, 0, 0, '', '', 'b', 0)"
        )
        db.execute("PRAGMA user_version=3")
        db.commit()
    store = open_store(home)
    [attempt] = store.queries.attempts(1)
    assert (attempt.box_id, attempt.box_executor, attempt.box_image) == ("b", "", "")
    store.close()


def test_a_durable_write_within_another_makes_all_of_it_durable(home, monkeypatch):
    def flush(path):
        with closing(sqlite3.connect(home / "treadle.db")) as other:
            flushed.append((path, *other.execute("SELECT count(*) FROM repo").fetchone()))

    store, flushed = open_store(home), []
    monkeypatch.setattr(database, "flush", flush)
    with store.database.write():
        RepoRow.create(name="team/one", url="/srv")
        with store.database.write(durable=True):
            RepoRow.create(name="team/two", url="/srv")
        assert flushed == []
    assert flushed == [(home / "treadle.db-wal", 2)]  # once all of it is committed
    with store.database.write(durable=True), store.database.write():
        pass  # SQLite sees to it by itself
    with pytest.raises(ZeroDivisionError), store.database.write(), store.database.write(durable=True):
        raise ZeroDivisionError
    with store.database.write():
        pass
    assert len(flushed) == 1
    store.close()
