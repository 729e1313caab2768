"""The laws of the configuration."""

import json
import re
from pathlib import Path

import pytest

from engine.core.errors import SettingsError
from engine.settings.model import (
    HoldSettings,
    Limits,
    Listen,
    Notify,
    RepoSettings,
    Retention,
    Settings,
    Slo,
    SnapshotRetention,
    default_home,
    load,
)

EVERYTHING = """
listen: "[::1]:9000"
public_url: https://ci.example/treadle/
workers: 3
executor: host
labels: {fast: host, "ubuntu-24.04": "debian:12"}
timeout: 1h30m
grace: 5s
limits: {body: 1MiB, backlog: 5, log: 2MiB, artifact: 3MiB}
retention: {runs: 1d, artifacts: 2d, caches: 1GiB, snapshots: {hourly: 1, daily: 2, weekly: 3}}
slo: {trigger: 2s, completion: 0.5}
public_badges: true
actions: {"*": "https://github.com/{owner}/{repo}", own/*: /srv/mirrors}
repos:
  - name: team/site
    url: https://git.example/team/site.git
    secret: ${SITE_HOOK_SECRET}
    token: tok-${TOKEN}-en
    ssh_key: /etc/treadle/key
    forge: gitea
    poll: 60s
    watch: commits
    fork_prs: never
    allow_host: true
  - {name: other, url: ../other, poll: off, watch: off}
notify: [{url: "https://chat.example/x", on: [failed]}, {url: "https://b"}]
"""


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    (tmp_path / "treadle.yml").write_text(text)
    return load(tmp_path, None, environ)


def test_no_file_and_an_empty_one_mean_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, None, {}) == Settings(home=tmp_path)
    assert loaded(tmp_path, "# nothing yet\n\n") == Settings(home=tmp_path)
    assert loaded(tmp_path, "repos:\nretention:\n") == Settings(home=tmp_path)


def test_every_key_is_read(tmp_path: Path) -> None:
    assert loaded(tmp_path, EVERYTHING, SITE_HOOK_SECRET="s3", TOKEN="x") == Settings(
        home=tmp_path,
        listen=Listen("::1", 9000),
        public_url="https://ci.example/treadle",
        workers=3,
        executor="host",
        labels={"fast": "host", "ubuntu-24.04": "debian:12"},
        timeout_s=5400.0,
        grace_s=5.0,
        limits=Limits(1 << 20, 5, 2 << 20, 3 << 20),
        retention=Retention(86400.0, 172800.0, 1 << 30, SnapshotRetention(1, 2, 3)),
        slo=Slo(2.0, 0.5),
        public_badges=True,
        actions={"*": "https://github.com/{owner}/{repo}", "own/*": "/srv/mirrors"},
        repos=(
            RepoSettings(
                "team/site",
                "https://git.example/team/site.git",
                secret="s3",
                token="tok-x-en",
                ssh_key="/etc/treadle/key",
                forge="gitea",
                poll_s=60.0,
                watch="commits",
                fork_prs="never",
                allow_host=True,
            ),
            RepoSettings("other", "../other"),
        ),
        notify=(Notify("https://chat.example/x", ("failed",)), Notify("https://b")),
    )


def test_json_is_yaml_and_another_file_may_be_named(tmp_path: Path) -> None:
    config = tmp_path / "other.json"
    config.write_text(json.dumps({"workers": 2, "repos": [{"name": "a", "url": "/a"}]}, indent=1))
    assert load(tmp_path, config, {}) == Settings(home=tmp_path, workers=2, repos=(RepoSettings("a", "/a"),))


def test_a_variable_may_hold_a_number_and_secrets_are_not_printed(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "workers: ${N}\nrepos: [{name: a, url: b, secret: '${S}'}]", N="7", S="hush")
    assert settings.workers == 7
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("worker: 2", "treadle.yml:1: unknown key 'worker'. Did you mean 'workers'?"),
        ("\nlimits:\n  bdy: 2", "treadle.yml:3: unknown key 'bdy' in limits. Did you mean 'body'?"),
        ("zzz: 2", "unknown key 'zzz'. Known are listen, public_url, workers,"),
        ("repos:\n- name: a\n  url: b\n  frok_prs: never", "treadle.yml:4: unknown key 'frok_prs' in repos.0."),
        ("repos: [{name: a}]", "treadle.yml:1: repos.0 lacks the key 'url'."),
        ("repos: [{name: a, url: b}, {name: a, url: c}]", "repos has 'a' twice"),
        ("workers: many", "treadle.yml:1: workers is a whole number from 0, not 'many'"),
        ("workers: true", "workers is a whole number from 0, not 'true'"),
        ("workers: [1]", "workers is a single value, not a list"),
        ("workers: '2'", "workers is a whole number from 0, not '2'"),
        ("timeout: 60", "timeout is a duration such as 90s, 5m or 30d, not '60'"),
        ("grace: 0s", "grace is longer than nothing, not '0s'"),
        ("limits: {log: big}", "limits.log is a size such as 512MiB or 2GiB, not 'big'"),
        ("limits: 3", "limits is a mapping, not '3'"),
        ("slo: {completion: 95}", "slo.completion is a number from 0 to 1, not '95'"),
        ("public_badges: yes", "public_badges is true or false, not 'yes'"),
        ("executor: podman", "executor is one of docker, host, swarm, not 'podman'"),
        ("listen: 8484", "listen is an address and a port"),
        ("listen: localhost:99999", "listen is an address and a port"),
        ("public_url: ci.example", "public_url is a web address, such as https://ci.example, not 'ci.example'"),
        ("public_url: 'http://a:b'", "public_url is a web address"),
        ("public_url: 'http://me@a'", "public_url is a web address"),
        ("public_url: 'http://a/?b=c'", "public_url is a web address"),
        ("repos: [{name: a, url: b, ssh_key: key}]", "repos.0.ssh_key is a whole path"),
        ("repos: {}", "repos is a list, not a mapping"),
        ("labels: {a: [b]}", "labels.a is a single value, not a list"),
        ("notify: [{url: a, on: [failde]}]", "notify.0.on.0 is one of failed, fixed"),
        ("labels: {a: '${NOPE}'}", "labels.a needs the environment variable NOPE, which is not set"),
        ("grace: ${HUSH}", "grace is a duration such as 90s, 5m or 30d, not '${HUSH}'"),
        ("- a", "the configuration is a mapping of keys"),
        ("a: [", "treadle.yml:2:1: error: YAML: "),
        ("workers: 1\nworkers: 2", "treadle.yml:2:1: error: the key 'workers' is already there"),
    ],
)
def test_a_complaint_names_file_line_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        loaded(tmp_path, text, HUSH="hush")


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path, tmp_path / "gone.yml", {})


def test_a_link_that_leads_nowhere_is_an_error_and_not_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "treadle.yml").symlink_to(tmp_path / "away.yml")
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path, None, {})


def test_no_workers_means_one_a_cpu(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, workers=3).worker_count == 3
    assert Settings(home=tmp_path).worker_count >= 1


def test_the_home_is_where_the_environment_says() -> None:
    assert default_home({"TREADLE_HOME": "/t", "XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/t")
    assert default_home({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/treadle")
    assert default_home({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/treadle")
    assert default_home({"HOME": "/h"}) == Path("/h/.local/state/treadle")


def test_a_key_that_changes_nothing_says_so_with_its_line(tmp_path):
    (tmp_path / "node").mkdir()
    settings = loaded(tmp_path, f"workers: 2\nnode: {tmp_path}/node\n")
    (note,) = settings.notes
    assert note.endswith(f"treadle.yml:2: warning: node has no effect: there is no program {tmp_path}/node/bin/node")


@pytest.mark.parametrize(
    ("said", "disk_bytes", "floor_bytes"),
    [
        ("", 100 << 30, 1 << 30), ("", 10 << 30, 512 << 20), ("disk_floor: 2GiB", 10 << 30, 2 << 30),
        ("disk_floor: 10%", 10 << 30, 1 << 30), ("disk_floor: off", 10 << 30, 0),
    ],
)  # fmt: skip
def test_the_floor_of_the_disk_is_a_size_a_share_or_off(tmp_path, said, disk_bytes, floor_bytes):
    assert loaded(tmp_path, said).disk_floor.of(disk_bytes) == floor_bytes


def test_how_long_and_in_how_much_memory_boxes_are_held_can_be_said(tmp_path):
    said = loaded(tmp_path, "hold: {ttl: 2h, memory: 512MiB, shell: busybox}").hold
    assert said == HoldSettings(7200.0, 512 << 20, "busybox")
    assert loaded(tmp_path, "").hold == HoldSettings(3600.0, 4 << 30, "")


def test_limits_of_retention_can_be_off(tmp_path):
    assert loaded(tmp_path, "retention: {per_workflow: 50, size: 1GiB, checkpoints: 2GiB}").retention == Retention(
        per_workflow=50, size_bytes=1 << 30, checkpoints_bytes=2 << 30
    )
    assert loaded(tmp_path, "retention: {per_workflow: off, size: off}").retention == Retention()
    with pytest.raises(SettingsError, match="from 1, or off"):
        loaded(tmp_path, "retention: {per_workflow: 0}")


def test_a_repository_is_meant_by_its_name_its_folder_or_the_end_of_its_name():
    site, tools, fork = (
        RepoSettings(name, url)
        for name, url in (("team/site", "https://git.lan/team/site"), ("local/tools", "/srv/tools"), ("me/site", "/x"))
    )
    settings = Settings(home=Path("/h"), repos=(site, tools))
    assert [settings.repo_called(text) for text in ("team/site", "site", "tools", "/srv/tools")] == [
        site,
        site,
        tools,
        tools,
    ]
    assert settings.repo_called("srv") is None
    both = Settings(home=Path("/h"), repos=(site, fork))
    assert both.repo_called("site") is None and both.repo_called("me/site") is fork


def test_who_does_not_serve_needs_no_variables_of_the_servers_secrets(tmp_path: Path) -> None:
    (tmp_path / "treadle.yml").write_text(
        "repos: [{name: a/b, url: /srv/b, secret: '${HOOK}', token: 'x${TOKEN}'}]\n"
        "notify: [{url: '${WHERE}', on: [failed]}]\n"
    )
    with pytest.raises(SettingsError, match="HOOK, which is not set") as error:
        load(tmp_path, None, {})
    assert "Export HOOK in this shell" in str(error.value)
    settings = load(tmp_path, None, {"TOKEN": "y"}, serves=False)
    assert (settings.repos[0].secret, settings.repos[0].token, settings.notify[0].url) == ("", "xy", "")
    (tmp_path / "treadle.yml").write_text("labels: {a: 'busybox:${NOPE}'}\n")
    with pytest.raises(SettingsError, match="NOPE"):
        load(tmp_path, None, {}, serves=False)
    (tmp_path / "treadle.yml").write_text("repos: [{name: a/b, url: /srv/b, secret: [x]}]\n")
    with pytest.raises(SettingsError, match="secret is a single value"):
        load(tmp_path, None, {}, serves=False)
