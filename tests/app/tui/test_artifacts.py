"""The page of artifacts: rows and files as text, and over a real server: opening, saving, older ones, hostile names."""

import shlex
import unicodedata
from datetime import timedelta

import pytest

from app.cli.main import main
from app.tui.presenters import artifacts as presenter
from engine.core.clock import rfc3339
from tests.app.server.artifacts import leave
from tests.app.tui.harness import tui_over
from tests.engine.fakes import START, jobs

TOLD = {
    "id": 9, "run": 12, "job": 34, "attempt": 1, "name": "site", "size_bytes": 3 << 20, "digest": "ab", "files": 2,
    "created_at": rfc3339(START - timedelta(hours=3)), "retention_days": None, "repo": "team/site", "workflow": "CI",
    "run_number": 7, "job_name": "build (3.12)", "kept_until": rfc3339(START + timedelta(days=27)),
}  # fmt: skip


def cells(**more):
    (row,) = presenter.artifact_rows([TOLD | more], START)
    assert row.id == 9
    return {column.key: cell for column, cell in zip(presenter.COLUMNS, row.cells, strict=True)}


def test_a_row_tells_of_whom_an_artifact_is_and_how_much():
    texts = {key: cell.text for key, cell in cells().items() if key != "kept"}
    assert texts == {
        "run": "r12", "workflow": "CI #7", "repo": "team/site", "job": "build (3.12)", "name": "site",
        "size": "3.0 MiB", "files": "2", "age": "3 h ago",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("until", "style"),
    [(timedelta(days=2), "dim"), (timedelta(hours=5), "retrying"), (timedelta(hours=-1), "retrying")],
)
def test_an_artifact_on_its_last_day_stands_out(until, style):
    assert cells(kept_until=rfc3339(START + until))["kept"].style == style


def test_an_artifact_of_a_pinned_run_says_so():
    assert cells(kept_until=None)["kept"].text == "pinned"


def test_files_are_told_with_permissions_sizes_and_where_links_lead():
    rows = presenter.file_rows(
        [
            {"path": "bin/run", "size_bytes": 2048, "mode": 0o755, "digest": "", "link": None},
            {"path": "now", "size_bytes": 0, "mode": 0o777, "digest": "", "link": "bin/run"},
            {"path": "e\x1b[2Jvil", "size_bytes": 1, "mode": 0o600, "digest": "", "link": None},
        ]
    )
    assert [tuple(cell.text for cell in row.cells) for row in rows] == [
        ("-rwxr-xr-x", "2.0 KiB", "bin/run", ""), ("lrwxrwxrwx", "", "now", "-> bin/run"),
        ("-rw-------", "1 B", "evil", ""),
    ]  # fmt: skip


@pytest.fixture
def run(site):
    return site.lab.run(jobs(build=""))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_artifacts_of_all_runs_are_in_view_and_enter_lists_files(site, run):
    leave(site, run, "site", {"index.html": b"<p>", "deep/b": b"-> ../index.html"})

    async def deed(tui):
        await tui.press("4")
        await tui.shows("Artifacts", "KEPT UNTIL", "site", "build", f"r{run}")
        await tui.press("enter")
        await tui.shows("index.html", "deep/b", "-> ../index.html")
        await tui.press("escape")
        await tui.hides("index.html")
        await tui.press("v")
        await tui.until(lambda: "CI #1" in tui.lines[0])

    tui_over(site, deed)


def test_one_that_comes_meanwhile_comes_into_view(site, run, monkeypatch):
    from app.tui.pages.artifacts import ArtifactsPage

    monkeypatch.setattr(ArtifactsPage, "PACE_S", 0.0)

    async def deed(tui):
        await tui.press("4")
        await tui.shows("No artifact yet")
        leave(site, run, "late")
        await tui.shows("late")

    tui_over(site, deed)


def test_saving_lays_files_down_in_a_folder_of_their_own_and_tells_the_command_that_does_it(site, run, folder):
    leave(site, run, "my site", {"index.html": b"<p>", "deep/link": b"-> ../index.html"})
    twins = []

    async def deed(tui):
        await tui.press("4")
        await tui.shows("my site")
        await tui.press("s")
        await tui.until(lambda: len(tui.told) == 1)
        await tui.press("s")
        await tui.until(lambda: len(tui.told) == 2)
        twins.extend(note.partition("\n$ ")[2] for note in tui.told)
        assert tui.told[0].startswith("Saved 2 files, 3 B, in ")

    tui_over(site, deed)
    first, second = sorted(path.name for path in folder.iterdir())
    assert (first, second) == (f"treadle-r{run}-my site", f"treadle-r{run}-my site-2")
    assert (folder / first / "deep" / "link").read_bytes() == b"<p>"
    program, *line = shlex.split(twins[0].replace(first, "by hand"))
    assert program == "treadle"
    far = ["--connect", f"http://127.0.0.1:{site.port}", "--token", site.token("read")]
    assert main([*line, *far]) == 0
    assert (folder / "by hand" / "index.html").read_bytes() == b"<p>"


def test_one_file_is_saved_alone_and_tells_the_command_that_does_it(site, run, folder):
    leave(site, run, "site", {"index.html": b"<p>", "deep/b.html": b"-> ../index.html", ".netrc": b"x"})
    twins = []

    async def deed(tui):
        await tui.press("4")
        await tui.shows("site")
        await tui.press("enter")
        await tui.shows("index.html", ".netrc")
        await tui.press("j", "enter")
        await tui.until(lambda: len(tui.told) == 1)
        await tui.press("k", "s")
        await tui.until(lambda: len(tui.told) == 2)
        twins.extend(note.partition("\n$ ")[2] for note in tui.told)
        assert tui.told[0].startswith("Saved 3 B in ")

    tui_over(site, deed)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"b.html": b"<p>", "treadle-.netrc": b"x"}
    program, *line = shlex.split(twins[0].replace("--output b.html", "--output again"))
    assert program == "treadle" and main([*line, "--home", str(site.home)]) == 0
    assert (folder / "again").read_bytes() == b"<p>"


def test_all_that_are_marked_are_saved(site, run, folder):
    for name in ("one", "two", "three"):
        leave(site, run, name)
        site.lab.clock.advance(1)

    async def deed(tui):
        await tui.press("4")
        await tui.shows("one", "two", "three")
        await tui.press("space", "space", "s")
        await tui.until(lambda: len(tui.told) == 2)

    tui_over(site, deed)
    assert {path.name for path in folder.iterdir()} == {f"treadle-r{run}-three", f"treadle-r{run}-two"}


def test_what_cannot_be_saved_says_why_and_leaves_nothing(site, run, folder):
    made = leave(site, run, "broken", {"a": b"some content"})
    site.desk.artifacts.blobs.path(made.files[0].digest).unlink()

    async def deed(tui):
        await tui.press("4")
        await tui.shows("broken")
        await tui.press("s")
        await tui.until(lambda: tui.told)
        assert tui.told[0].startswith("broken could not be saved: ")

    tui_over(site, deed)
    assert list(folder.iterdir()) == []


def test_the_end_of_the_list_brings_older_ones(site, monkeypatch):
    from app.tui.pages.artifacts import ArtifactsPage

    monkeypatch.setattr(ArtifactsPage, "SOME", 3)
    for number in range(8):
        leave(site, site.lab.run(jobs(a="")), f"artifact-{number}")

    async def deed(tui):
        await tui.press("4")
        await tui.shows("artifact-7", "artifact-5")
        assert "artifact-4" not in tui.text
        await tui.press("G")
        await tui.shows("artifact-4", "artifact-2")
        await tui.press("G")
        await tui.shows("artifact-0")

    tui_over(site, deed)


def test_no_name_from_outside_commands_the_terminal_or_leads_out_of_the_folder(site, folder):
    evil = "e\x1b]0;x\x07\x1b[2Jv\u202ei\u200bl [red]x[b]"
    run = site.lab.run(jobs(a=""), workflow_name=evil)
    leave(site, run, evil, {f"{evil}/{evil}": b"x"})
    site.lab.clock.advance(1)
    leave(site, run, ".git", {"config": b"[core]"})

    async def deed(tui):
        await tui.press("4")
        await tui.shows("evil [red]x[b]", ".git")
        seen = [tui.text]
        await tui.press("G", "enter")
        await tui.shows("LEADS TO", "evil [red]x[b]/evil")
        seen.append(tui.text)
        await tui.press("escape", "g", "ctrl+a", "s")
        await tui.until(lambda: len(tui.told) == 2)
        seen += [tui.text, *tui.told]
        for text in seen:
            assert not {unicodedata.category(char) for char in text if char != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}

    tui_over(site, deed)
    assert {path.name for path in folder.iterdir()} == {
        f"treadle-r{run}-.git", f"treadle-r{run}-evil [red]x[b]",
    }  # fmt: skip
