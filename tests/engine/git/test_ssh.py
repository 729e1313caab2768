"""Fetching over ssh from a real sshd: who we are to it, and whether it is the one that we know."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from engine.core.errors import GitError
from engine.core.ssh_urls import Host, host_of
from engine.git.mirror import Mirror
from engine.git.remote import local_path, remote
from engine.git.ssh import knows
from tests.engine.control.post_office import Site
from tests.engine.ssh_server import PATIENCE_S, SshServer, make_key, needs_sshd


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.commit(a__txt="1")
    return site


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's `.ssh`, empty, without an agent."""
    found = tmp_path / "user/.ssh"
    found.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(found.parent))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = pygit2.enums.Option.GET_HOMEDIR, pygit2.enums.Option.SET_HOMEDIR
    before = pygit2.option(place[0])  # libgit2 has looked at HOME already
    pygit2.option(place[1], str(found.parent))
    yield found
    pygit2.option(place[1], before or "/")


@pytest.fixture
def server(tmp_path: Path, folder: Path) -> Iterator[SshServer]:
    """Known, and not yet letting anybody in."""
    needs_sshd()
    server = SshServer(tmp_path / "sshd")
    (folder / "known_hosts").write_text(server.line)
    yield server.start()
    server.stop()


def mirror(tmp_path: Path, url: str, key: Path | None = None) -> Mirror:
    (tmp_path / "repos").mkdir(exist_ok=True)
    return Mirror(tmp_path / "repos", "team/site", remote(url, "t0ken", str(key) if key else None))


def refusal(mirror: Mirror) -> str:
    with pytest.raises(GitError) as refused:
        mirror.fetch([])
    return str(refused.value)


def test_the_configured_key_opens_a_repository(tmp_path: Path, site: Site, server: SshServer) -> None:
    server.allow(key := make_key(tmp_path / "deploy"))
    found = mirror(tmp_path, server.url + str(site.root), key)
    found.fetch([])
    assert found.resolve("refs/heads/main") == site.head


def test_a_private_half_is_enough(tmp_path: Path, site: Site, server: SshServer) -> None:
    server.allow(key := make_key(tmp_path / "deploy"))
    key.with_name("deploy.pub").unlink()
    assert mirror(tmp_path, server.url + str(site.root), key).look().commits


def test_the_users_own_key_is_found(tmp_path: Path, site: Site, server: SshServer, folder: Path) -> None:
    server.allow(make_key(folder / "id_ed25519"))
    assert mirror(tmp_path, server.url + str(site.root)).look().default_branch == "main"


def test_a_url_without_a_user_asks_for_git(tmp_path: Path, site: Site, server: SshServer) -> None:
    key = make_key(tmp_path / "deploy")
    said = refusal(mirror(tmp_path, f"ssh://{server.host}:{server.port}{site.root}", key))
    assert "the server refuses every key" in said  # there is no account git on this machine, or it knows no key
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="port 22 is root's")
def test_an_address_as_for_scp_works(tmp_path: Path, site: Site, folder: Path) -> None:
    needs_sshd()
    server = SshServer(tmp_path / "sshd", "127.84.82.76", 22)
    (folder / "known_hosts").write_text(server.line)
    server.allow(make_key(folder / "id_ed25519"))
    try:
        server.start()
        found = mirror(tmp_path, f"{server.user}@{server.host}:{site.root}")
        found.fetch([])
        assert found.resolve("refs/heads/main") == site.head
        inside = os.path.relpath(site.root, Path(f"~{server.user}").expanduser())
        assert mirror(tmp_path, f"{server.user}@{server.host}:{inside}").look().commits
    finally:
        server.stop()


def test_an_agents_key_is_shown_first(
    tmp_path: Path, site: Site, server: SshServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.allow(key := make_key(tmp_path / "in-agent"))
    make_key(folder / "id_ed25519")
    where = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(where)], stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None and agent.stdout.readline()  # it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", str(where))
        subprocess.run(["ssh-add", "-q", str(key)], check=True, timeout=PATIENCE_S)
        assert mirror(tmp_path, server.url + str(site.root)).look().commits
        agent.terminate()


def test_an_agent_that_is_gone_leaves_the_key_files(
    tmp_path: Path, site: Site, server: SshServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    server.allow(make_key(folder / "id_ed25519"))
    assert mirror(tmp_path, server.url + str(site.root)).look().commits


def test_an_unknown_host_is_told_nothing(tmp_path: Path, site: Site, server: SshServer, folder: Path) -> None:
    server.allow(key := make_key(tmp_path / "deploy"))
    forget = (lambda: (folder / "known_hosts").write_text(""), (folder / "known_hosts").unlink, folder.rmdir)
    for make_unknown in forget:
        make_unknown()
        said = refusal(mirror(tmp_path, server.url + str(site.root), key))
        assert f"the host key of [127.0.0.1]:{server.port} is not in {folder / 'known_hosts'}" in said
    fix = said.partition("Run `")[2].partition("`")[0]
    subprocess.run(fix, shell=True, check=True, capture_output=True, timeout=PATIENCE_S)
    assert mirror(tmp_path, server.url + str(site.root), key).look().commits


@pytest.mark.parametrize("hashed", [False, True])
def test_a_host_whose_key_changed_is_told_nothing(
    tmp_path: Path, site: Site, server: SshServer, folder: Path, hashed: bool
) -> None:
    server.allow(key := make_key(tmp_path / "deploy"))
    if hashed:
        command = ["ssh-keygen", "-q", "-H", "-f", str(folder / "known_hosts")]
        subprocess.run(command, check=True, capture_output=True)
        assert "127.0.0.1" not in (folder / "known_hosts").read_text()
        assert mirror(tmp_path, server.url + str(site.root), key).look().commits
    server.change_host_key()
    said = refusal(mirror(tmp_path, server.url + str(site.root), key))
    assert f"the host key of [127.0.0.1]:{server.port} is not the one that" in said
    for fix in said.split("`")[1::2]:
        subprocess.run(fix, shell=True, check=True, capture_output=True, timeout=PATIENCE_S)
    assert mirror(tmp_path, server.url + str(site.root), key).look().commits


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, site: Site, server: SshServer) -> None:
    server.allow(key := make_key(tmp_path / "deploy"))
    key.chmod(0o644)
    found = mirror(tmp_path, server.url + str(site.root), key)
    said = refusal(found)
    assert f"the key {key} is open to others (its rights are 644). Close it: chmod 600 {key}" in said
    key.chmod(0o600)
    assert found.look().commits


def test_a_key_with_a_passphrase_is_named(tmp_path: Path, site: Site, server: SshServer) -> None:
    server.allow(key := make_key(tmp_path / "deploy", "sesame"))
    said = refusal(mirror(tmp_path, server.url + str(site.root), key))
    assert f"the key {key} has a passphrase" in said


def test_what_was_shown_in_vain_is_named(tmp_path: Path, site: Site, server: SshServer, folder: Path) -> None:
    url = server.url + str(site.root)
    assert "the server asks for a key, and there is none. Set `ssh_key:`" in refusal(mirror(tmp_path, url))
    assert "is not there" in refusal(mirror(tmp_path, url, tmp_path / "nowhere"))
    key = make_key(folder / "id_ed25519")
    said = refusal(mirror(tmp_path, url))
    assert f"the server refuses every key ({key})" in said and "t0ken" not in said
    server.allow(key)
    assert "does not appear to be a git repository" in refusal(mirror(tmp_path, f"{server.url}/no/such"))


def test_a_known_hosts_that_cannot_be_read_is_named(tmp_path: Path, server: SshServer, folder: Path) -> None:
    (folder / "known_hosts").write_text("nonsense\n")
    assert f"{folder / 'known_hosts'} cannot be understood" in refusal(mirror(tmp_path, f"{server.url}/x"))


def test_a_port_in_an_address_as_for_scp_is_refused_with_the_url_to_write(tmp_path: Path, folder: Path) -> None:
    said = refusal(mirror(tmp_path, "git@[git.invalid:2222]:team/site.git"))
    assert "Write it as ssh://git@git.invalid:2222/team/site.git" in said


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("ssh://git@git.test:2222/a/b.git", Host("git.test", 2222, "git")),
        ("ssh://git.test/a", Host("git.test", 22, "")),
        ("git+ssh://git@git.test/a", Host("git.test", 22, "git")),
        ("git@git.test:a/b.git", Host("git.test", 22, "git")),
        ("git@git.test:/srv/b.git", Host("git.test", 22, "git")),
        ("git.test:a", Host("git.test", 22, "")),
        ("git@[::1]:a", Host("::1", 22, "git")),
        ("git@[git.test:77]:a", Host("git.test", 77, "git")),
        ("https://git.test/a", None),
        ("/srv/a:b", None),
        ("./a:b", None),
        ("c:/a", None),
    ],
)
def test_a_url_tells_whom_it_speaks_to(url: str, host: Host | None) -> None:
    assert host_of(url) == host
    assert (local_path(url) is None) == (host is not None or "://" in url)


def test_a_password_in_a_url_for_ssh_is_not_kept() -> None:
    assert remote("ssh://git:pass@git.test/a").url == "ssh://git@git.test/a"


def test_known_hosts_is_searched_by_name_and_port(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(
        "# c\n\n@revoked no.test ssh-rsa x\none.test,two.test ssh-rsa x\n[odd.test]:77 ssh-rsa x\n|1|?|? a b\n"
    )
    asked = [("one.test", 22), ("two.test", 2), ("odd.test", 77), ("odd.test", 22), ("no.test", 22), ("c", 22)]
    assert [knows(path, Host(name, port)) for name, port in asked] == [True, True, True, False, False, False]
    assert not knows(tmp_path / "none", Host("one.test"))
