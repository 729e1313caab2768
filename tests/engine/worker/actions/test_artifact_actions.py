"""upload-artifact and download-artifact, with real tools in the box."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.worker.actions.built_in.registry import lookup
from engine.worker.actions.built_in.upload_artifact import apart
from engine.worker.actions.port import Stores
from tests.engine.worker.actions.conftest import IN_A_CONTAINER_TOO, LIMIT_BYTES, Make, TestHost

UPLOAD = lookup("actions/upload-artifact@v4")
DOWNLOAD = lookup("actions/download-artifact@v4")
assert UPLOAD is not None and DOWNLOAD is not None


def upload(host: TestHost, stores: Stores) -> bool:
    assert UPLOAD is not None
    return UPLOAD.run(host, stores)


def download(host: TestHost, stores: Stores) -> bool:
    assert DOWNLOAD is not None
    return DOWNLOAD.run(host, stores)


def put(host: TestHost, **files: str) -> Path:
    root = Path(host.workspace)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(stores: Stores, name: str = "artifact") -> list[str]:
    found = stores.artifacts.get(7, name)
    assert found is not None
    return [file.path for file in found.files]


@IN_A_CONTAINER_TOO
def test_an_artifact_makes_the_round_trip(host: Make, stores: Stores) -> None:
    up = host(name="n1", path="out")
    root = put(up, **{"out/f.txt": "payload", "out/bin/tool": "#!", "out/-rf": "x", "out/a\\b c": "y", "out/ü": "z"})
    (root / "out/bin/tool").chmod(0o755)
    assert upload(up, stores), (up.notes, up.lines)
    assert names(stores, "n1") == ["-rf", "a\\b c", "bin/tool", "f.txt", "ü"]
    down = host(name="n1", path="in here")
    assert download(down, stores), (down.notes, down.lines)
    assert (root / "in here/f.txt").read_text() == "payload"
    assert (root / "in here/a\\b c").read_text() == "y"
    assert os.access(root / "in here/bin/tool", os.X_OK)
    assert down.outputs == {"download-path": str(root / "in here")}
    artifact = stores.artifacts.get(7, "n1")
    assert artifact is not None
    assert up.outputs == {"artifact-id": str(artifact.id), "artifact-url": "", "artifact-digest": artifact.digest}
    assert list(up.exchange.iterdir()) == []
    assert up.notes == down.notes == []


@IN_A_CONTAINER_TOO
def test_patterns_exclude_and_files_are_named_from_their_common_folder(host: Make, stores: Stores) -> None:
    up = host(path="dist/**/*.js\nreport.txt\n!dist/skip\n~/more.txt")
    put(up, **{"dist/a.js": "", "dist/x/b.js": "", "dist/x/c.css": "", "dist/skip/d.js": "", "report.txt": ""})
    Path(up.home_dir, "more.txt").write_text("")
    assert upload(up, stores), up.notes
    assert names(stores) == ["home/more.txt", "work space/dist/a.js", "work space/dist/x/b.js", "work space/report.txt"]
    single = host(name="single", path="dist/a.js")
    assert upload(single, stores)
    assert names(stores, "single") == ["a.js"]


def test_hidden_files_wait_to_be_asked_for(host: Make, stores: Stores) -> None:
    up = host(path=".")
    put(up, **{"seen": "", ".env": "", ".git/config": "", "a/.b/c": ""})
    assert upload(up, stores)
    assert names(stores) == ["seen"]
    assert upload(host(name="all", path=".", include_hidden_files="true"), stores)
    assert names(stores, "all") == [".env", ".git/config", "a/.b/c", "seen"]


@IN_A_CONTAINER_TOO
def test_links_that_lead_elsewhere_are_followed_and_broken_ones_left_out(host: Make, stores: Stores) -> None:
    up = host(path="out")
    root = put(up, **{"real/f": "content", "out/own": "o"})
    (root / "out/file").symlink_to("../real/f")
    (root / "out/folder").symlink_to("../real")
    (root / "out/broken").symlink_to("nothing")
    (root / "out/hard").hardlink_to(root / "out/own")
    os.mkfifo(root / "out/pipe")
    assert upload(up, stores), up.notes
    assert names(stores) == ["file", "folder/f", "hard", "own"]
    artifact = stores.artifacts.get(7, "artifact")
    assert artifact is not None
    assert all(file.link is None for file in artifact.files)


@IN_A_CONTAINER_TOO
def test_links_to_what_is_in_the_artifact_stay_links(host: Make, stores: Stores) -> None:
    up = host(path="out", name="tree")
    root = put(up, **{"out/lib/a.so.1": "a", "out/lib/deep/b": "b", "out/.hid": "h", "else/c": "c"})
    for link, target in {
        "lib/a.so": "a.so.1", "also": "lib/a.so", "libs": "lib", "lib/up": "../lib/deep", "hidden": ".hid", "loop": ".",
        "c": "../else/c", "absolute": str(root / "out/lib/deep/b"),
    }.items():  # fmt: skip
        (root / "out" / link).symlink_to(target)
    assert upload(up, stores), (up.notes, up.lines)
    artifact = stores.artifacts.get(7, "tree")
    assert artifact is not None
    assert {file.path: file.link for file in artifact.files} == {
        "lib/a.so.1": None, "lib/a.so": "a.so.1", "also": "lib/a.so", "libs": "lib", "lib/deep/b": None,
        "lib/up": "../lib/deep", "hidden": None, "c": None, "absolute": None,
    }  # fmt: skip
    assert download(host(name="tree", path="in"), stores)
    assert (root / "in" / "libs" / "up" / "b").read_text() == "b"
    assert str((root / "in" / "lib" / "a.so").readlink()) == "a.so.1" and (root / "in" / "also").read_text() == "a"


@pytest.mark.parametrize(
    ("names", "links", "kept"),
    [
        (["a", "b"], {"b": "a"}, ["b"]),
        (["b"], {"b": "a"}, []),  # what it leads to was excluded
        (["d/x", "l/x", "l/y"], {"l": "d"}, []),  # as is a part of it
        (["d/x", "l/x"], {"l": "../d"}, []),
        (["d/x", "l/x"], {"l": "/d"}, []),
        (["d/l/x", "d/x"], {"d/l": "."}, []),
        (["x"], {"../l": "x", "m": "n", "n": "m"}, []),
        (["d-/x", "d/x", "d0/x", "l/x"], {"l": "d"}, ["l"]),
    ],
)
def test_which_links_stay_links(names: list[str], links: dict[str, str], kept: list[str]) -> None:
    assert apart(names, links)[1] == kept


@pytest.mark.parametrize(("when", "level", "goes_on"), [("warn", "warning", True), ("error", "error", False)])
def test_no_files_are_what_the_workflow_makes_of_them(
    host: Make, stores: Stores, when: str, level: str, goes_on: bool
) -> None:
    up = host(path="nothing-here", if_no_files_found=when)
    assert upload(up, stores) is goes_on
    assert [(at, text.split(":")[0]) for at, text in up.notes] == [
        (level, "No files were found with the provided path")
    ]
    quiet = host(path="nothing-here", if_no_files_found="ignore")
    assert upload(quiet, stores)
    assert quiet.notes == []


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"path": ""}, "required"),
        ({"path": "../x"}, "climb|through"),
        ({"path": "f", "name": "a/b"}, "slash"),
        ({"path": "f", "if_no_files_found": "explode"}, "if-no-files-found"),
        ({"path": "f", "overwrite": "maybe"}, "true or false"),
        ({"path": "f", "compression_level": "11"}, "compression-level"),
        ({"path": "bad*"}, "colon"),
        ({"path": "big"}, "limit of"),
    ],
)
def test_a_wrong_upload_is_refused_with_the_reason(
    host: Make, stores: Stores, inputs: dict[str, str], says: str
) -> None:
    up = host(**inputs)
    put(up, **{"f": "", "bad:name": "", "big": "x" * (LIMIT_BYTES + 1)})
    assert not upload(up, stores)
    ((level, message),) = up.notes
    assert level == "error"
    assert any(word in message for word in says.split("|"))
    assert stores.artifacts.list(7) == []


def test_more_files_than_one_command_line_holds_are_one_artifact(host: Make, stores: Stores) -> None:
    up = host(path="many")
    count = 3000
    put(up, **{f"many/{'long-' * 20}{number}": "" for number in range(count)})
    assert upload(up, stores), up.notes
    assert len(names(stores)) == count


def test_a_far_too_large_upload_is_cut_off_while_it_is_packed(host: Make, stores: Stores) -> None:
    up = host(path="huge")
    with (Path(up.workspace) / "huge").open("wb") as huge:
        huge.truncate(64 * LIMIT_BYTES)
    assert not upload(up, stores)
    assert "limit of 1048576 bytes" in up.notes[0][1]


def test_a_taken_name_is_refused_unless_it_is_overwritten(host: Make, stores: Stores) -> None:
    put(host(), f="1")
    assert upload(host(path="f"), stores)
    again = host(path="f")
    assert not upload(again, stores)
    assert "overwrite" in again.notes[0][1]
    assert upload(host(path="f", overwrite="true"), stores)


def test_all_artifacts_come_each_in_its_folder_or_merged(host: Make, stores: Stores) -> None:
    root = put(host(), a="a", b="b", c="c")
    for name in ("bin-a", "bin-b", "doc"):
        assert upload(host(name=name, path=name[-1]), stores)
    assert download(host(path="all"), stores)
    assert sorted(str(path.relative_to(root)) for path in (root / "all").rglob("*") if path.is_file()) == [
        "all/bin-a/a",
        "all/bin-b/b",
        "all/doc/c",
    ]
    assert download(host(path="some", pattern="bin-*", merge_multiple="true"), stores)
    assert sorted(path.name for path in (root / "some").iterdir()) == ["a", "b"]
    assert download(host(path="braces", pattern="{doc,bin-b}"), stores)
    assert sorted(path.name for path in (root / "braces").iterdir()) == ["bin-b", "doc"]
    doc = stores.artifacts.get(7, "doc")
    assert doc is not None
    assert download(host(path="by-id", artifact_ids=str(doc.id)), stores)
    assert (root / "by-id/c").read_text() == "c"


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"name": "nope"}, "Artifact not found for name: nope"),
        ({"artifact_ids": "12"}, "12"),
        ({"name": "x", "artifact_ids": "1"}, "together"),
        ({"name": "x", "run_id": "99"}, "another run"),
        ({"name": "x", "repository": "o/r"}, "another repository"),
    ],
)
def test_what_cannot_be_downloaded_is_an_error(host: Make, stores: Stores, inputs: dict[str, str], says: str) -> None:
    down = host(**inputs)
    assert not download(down, stores)
    assert says in down.notes[0][1]


def test_a_box_that_hands_over_a_link_or_a_pipe_is_not_believed(host: Make, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    for trick in ('ln -sf "$SECRET" "$FOUND"', 'rm -f "$FOUND"; mkfifo "$FOUND"', 'rm -f "$FOUND"; mkdir "$FOUND"'):
        up = host(path="f")
        put(up, f="")

        def tricked(script: str, env: dict[str, str], trick: str = trick) -> int:
            return subprocess.run(
                ["sh", "-c", trick], env=os.environ | env | {"SECRET": str(tmp_path / "secret")}
            ).returncode

        up.shell = tricked  # type: ignore[method-assign, assignment]
        assert not upload(up, stores)
        assert "hand" in up.notes[0][1]
