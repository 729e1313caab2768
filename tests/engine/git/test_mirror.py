"""Mirrors of real repositories: by path, by file:// and over HTTP, of a remote that goes away and comes back."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.core.errors import GitError
from engine.git.mirror import Mirror, slug
from engine.git.remote import local_path, remote
from tests.engine.control.post_office import Site
from tests.engine.git.forge import GitForge

TOKEN = "s3cr3t-t0ken"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.commit(a__txt="1")
    return site


def mirror(tmp_path: Path, url: str, token: str | None = None) -> Mirror:
    (tmp_path / "repos").mkdir(exist_ok=True)
    return Mirror(tmp_path / "repos", "team/site", remote(url, token))


def test_what_is_named_is_fetched_with_all_branches(tmp_path: Path, site: Site) -> None:
    one = site.head
    site.git("update-ref", "refs/pull/5/head", one)
    site.git("update-ref", "refs/pull/6/head", one)
    site.git("tag", "-a", "v1", "-m", "v1")
    two = site.branch("feature").commit("Two")
    found = mirror(tmp_path, str(site.root))
    refs = found.fetch(["refs/pull/5/head", "refs/tags/v1", "refs/merge-requests/9/head"])
    assert refs.commits == {"refs/heads/main": one, "refs/heads/feature": two, "refs/tags/v1": one}
    assert refs.default_branch == "feature"
    assert [found.resolve(ref) for ref in ("refs/heads/feature", "refs/pull/5/head", "refs/tags/v1")] == [two, one, one]
    assert not found.has("refs/pull/6/head")
    assert found.repo().remote_url == str(site.root)


def test_a_branch_that_is_gone_leaves_its_commits(tmp_path: Path, site: Site) -> None:
    sha = site.branch("feature").commit("Two")
    found = mirror(tmp_path, site.root.as_uri())
    found.fetch([])
    site.git("checkout", "-q", "main")
    site.git("branch", "-D", "feature")
    found.fetch([])
    assert not found.has("refs/heads/feature")
    assert found.has(sha)


def test_a_forced_branch_is_followed(tmp_path: Path, site: Site) -> None:
    found = mirror(tmp_path, str(site.root))
    found.fetch([])
    site.git("commit", "-q", "--amend", "-m", "Other")
    found.fetch([])
    assert found.resolve("refs/heads/main") == site.head


def test_what_a_killed_fetch_left_is_no_hindrance(tmp_path: Path, site: Site) -> None:
    mirror(tmp_path, str(site.root)).fetch([])
    found = mirror(tmp_path, str(site.root))
    (found.path / "refs/heads/main.lock").write_text("")
    partial = found.path / "objects/pack/pack_git2_1234"
    partial.write_text("half")
    site.commit("Two")
    found.fetch([])
    assert found.resolve("refs/heads/main") == site.head
    assert not partial.exists()


@pytest.mark.parametrize("broken", ["HEAD", "config", "refs/heads/main", "objects/pack/*.pack", "objects/pack/*.idx"])
@pytest.mark.parametrize("what", [b"", b"\xff[garbage\n", b"\xff" * 5000])
def test_one_that_is_damaged_is_fetched_anew_and_what_it_held_is_kept_aside(
    tmp_path: Path, site: Site, broken: str, what: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = mirror(tmp_path, site.root.as_uri())
    before.fetch([])
    [path] = before.path.glob(broken)
    path.unlink()  # which libgit2 leaves for its owner to read alone
    path.write_bytes(what)
    found = mirror(tmp_path, site.root.as_uri())
    found.fetch([])
    assert found.has(site.head) and found.resolve("refs/heads/main") == site.head
    aside = found.path.with_suffix(".damaged")
    assert aside.exists() == ("is damaged" in caplog.text)
    assert not aside.exists() or (aside / "objects").is_dir()


def test_a_fetch_that_hangs_keeps_nobody_from_reading_the_mirror(tmp_path: Path, site: Site) -> None:
    found = mirror(tmp_path, str(site.root))
    found.fetch([])
    fetching, over = threading.Event(), threading.Event()

    def hang() -> None:
        with found._alone():
            fetching.set()
            over.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    assert fetching.wait(10)
    with ThreadPoolExecutor(1) as reader:
        try:
            assert reader.submit(found.resolve, "refs/heads/main").result(30) == site.head
        finally:
            over.set()
    thread.join()


def test_a_remote_that_is_away_is_an_error_until_it_comes_back(tmp_path: Path, site: Site) -> None:
    found = mirror(tmp_path, str(site.root))
    away = site.root.rename(tmp_path / "away")
    with pytest.raises(GitError, match="cannot be fetched from"):
        found.fetch([])
    away.rename(site.root)
    assert found.look().commits == {"refs/heads/main": site.head}


def test_nobody_listening_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"http://127\.0\.0\.1:1/site\.git cannot be fetched from"):
        mirror(tmp_path, "http://127.0.0.1:1/site.git").look()


@pytest.mark.parametrize(
    ("url", "place", "token"),
    [
        ("https://ada:p%40ss@git.test/a/b.git", "https://git.test/a/b.git", "p@ss"),
        ("https://git.test/a/b.git", "https://git.test/a/b.git", None),
        ("git@git.test:a/b.git", "git@git.test:a/b.git", None),
        ("ssh://git@git.test/a/b.git", "ssh://git@git.test/a/b.git", None),
        ("file:///srv/a%20b", "/srv/a b", None),
    ],
)
def test_a_url_is_kept_without_its_password(url: str, place: str, token: str | None) -> None:
    found = remote(url)
    assert (found.url, found.token) == (place, token)
    assert TOKEN not in repr(remote(url, TOKEN))


@pytest.mark.parametrize("url", ["https://h/x", "git@h:x", "ssh://h/x", "git://h/x"])
def test_a_url_with_a_host_is_no_path(url: str) -> None:
    assert local_path(url) is None


def test_names_make_folders_that_differ_and_lead_nowhere_else() -> None:
    names = ["a/b", "a-b", "../../etc", "a/../b", "ü", "", "." * 300]
    assert len({slug(name) for name in names}) == len(names)
    assert all("/" not in slug(name) and not slug(name).startswith(".") and len(slug(name)) < 100 for name in names)


@pytest.fixture
def forge(site: Site) -> Iterator[GitForge]:
    forge = GitForge(site.root.parent, TOKEN)
    yield forge
    forge.close()


def test_a_token_opens_a_private_repository_and_is_written_nowhere(tmp_path: Path, site: Site, forge: GitForge) -> None:
    found = mirror(tmp_path, f"{forge.url}/site/.git", TOKEN)
    found.fetch([])
    assert found.resolve("refs/heads/main") == site.head
    assert TOKEN not in (found.path / "config").read_text()


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_right_token_it_stays_shut(tmp_path: Path, forge: GitForge, token: str | None) -> None:
    with pytest.raises(GitError) as refused:
        mirror(tmp_path, f"{forge.url}/site/.git", token).fetch([])
    assert "wrong" not in str(refused.value)
    assert ("Set `token:`" in str(refused.value)) is (token is None)
    assert ("refuses the token. See whether" in str(refused.value)) is (token is not None)


def test_a_repository_that_is_not_there_says_so(tmp_path: Path, forge: GitForge) -> None:
    with pytest.raises(GitError, match="There is no such repository, or the token of this one may not know of it"):
        mirror(tmp_path, f"{forge.url}/nowhere.git", TOKEN).fetch([])


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_way_out(tmp_path: Path, forge: GitForge) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 1 -subj /CN=localhost"
    subprocess.run(make.split(), check=True, capture_output=True)
    forge.secure(cert, key)
    with pytest.raises(GitError, match=r"does not trust the server's certificate\. A CA of your own is made known"):
        mirror(tmp_path, f"{forge.url}/site/.git", TOKEN).fetch([])


def test_a_commit_that_left_its_branch_is_asked_for_singly(tmp_path: Path, site: Site, forge: GitForge) -> None:
    site.git("config", "uploadpack.allowAnySHA1InWant", "true")
    lost = site.head
    site.git("commit", "-q", "--amend", "-m", "Other")
    found = mirror(tmp_path, f"{forge.url}/site/.git", TOKEN)
    found.fetch([], [lost])
    assert found.has(lost)
