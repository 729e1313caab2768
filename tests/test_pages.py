"""The pages of the documentation do what they say: their shell blocks are carried out, top to bottom."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.engine.git.forge import GitForge
from tests.page import ROOT, blocks_of, carry_out, place

WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIG = "executor: host\nlabels: {ubuntu-latest: host}\nworkers: 2\ngrace: 1s\nlisten: 127.0.0.1:PORT\n"


def runs(page: Path) -> bool:
    return any(not block.why_not for block in blocks_of(page.read_text()))


@pytest.mark.parametrize(
    "page", [page for page in WRITTEN if runs(page) and page.stem != "home-lab"], ids=lambda page: page.stem
)
def test_the_commands_of_a_page_do_what_it_says(page, tmp_path):
    port = free_port()
    carry_out(page, tmp_path, place(tmp_path, CONFIG.replace("PORT", port)), {"8484": port})


def test_the_page_on_the_home_lab_leads_to_a_green_tick(docker_debian, tmp_path):
    """On a forge that serves a repository to whoever has its token, and hears statuses as Gitea does."""
    bare = tmp_path / "forge" / "team" / "site.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    port, token = free_port(), "the-token-from-gitea"
    forge = GitForge(tmp_path / "forge", token)
    try:
        config = f"labels: {{ubuntu-latest: '{docker_debian}'}}\nlisten: 127.0.0.1:{port}\n"
        environment = place(tmp_path, config) | {"FORGE": str(tmp_path / "forge")}
        instead = {
            "8484": port, "192.168.1.20": "127.0.0.1", "http://git.lan:3000": forge.url,
            "/etc/treadle.env": str(tmp_path / "treadle.env"), "make test": "echo all is well",
        }  # fmt: skip
        carry_out(ROOT / "docs" / "home-lab.md", tmp_path, environment, instead)
        assert forge.until(lambda told: told[-1:] and told[-1]["state"] == "success")[0]["state"] == "pending"
    finally:
        forge.close()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def page(folder: Path, text: str) -> Path:
    (folder / "page.md").write_text(text)
    return folder / "page.md"


def told(folder: Path, text: str) -> str:
    """Return what is said against a page."""
    with pytest.raises(AssertionError) as failure:
        carry_out(page(folder, text), folder, place(folder, ""), {})
    return str(failure.value)


def test_a_command_that_fails_is_told_with_its_line(tmp_path):
    assert "page.md:4 does not do" in told(tmp_path, "# A page\n\n\n```sh\nfalse\ntrue\n```\n")


def test_an_end_other_than_the_one_that_is_said_is_told(tmp_path):
    assert "does not do" in told(tmp_path, "<!-- exits: 1 -->\n```sh\ntrue\n```\n")


def test_what_is_not_shown_is_told(tmp_path):
    text = "```sh\necho one; echo two\n```\n\n```text\ntwo\none\n```\n"
    assert "does not show 'one'" in told(tmp_path, text)


def test_a_page_is_one_shell_and_numbers_may_differ(tmp_path):
    text = """
<!-- not run: it would fail -->
```sh
false
```

<!-- unseen
cd /; seen=3
-->
```sh
echo "$PWD took 1.5 s, $seen jobs of 0123456789ab"
```

```text
/ took 22 ms, 4 jobs of …
```

<!-- goes on: ready -->
```sh
echo ready; sleep 60
```
"""
    carry_out(page(tmp_path, text), tmp_path, place(tmp_path, ""), {})
