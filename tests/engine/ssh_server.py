"""A real sshd on loopback, with host keys and accounts' keys of its own: the person who runs the tests may log in."""

import getpass
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PRIVILEGES = Path("/run/sshd")  # root's sshd wants this empty folder, which a package without a service has not made
PATIENCE_S = 10


@dataclass
class SshServer:
    """Below `folder`; listens while it runs. `user` is whom to log in as."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    user: str = field(default_factory=getpass.getuser)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.port = self.port or _free_port(self.host)
        self.allowed = self.folder / "authorized_keys"
        self.allowed.touch()
        self.host_key = make_key(self.folder / "host_key")

    @property
    def url(self) -> str:
        return f"ssh://{self.user}@{self.host}:{self.port}"

    @property
    def line(self) -> str:
        """Its line in known_hosts."""
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        return f"{name} {public(self.host_key)}\n"

    def allow(self, key: Path) -> None:
        with self.allowed.open("a") as file:
            file.write(public(key) + "\n")

    def start(self) -> "SshServer":
        assert SSHD is not None
        if os.geteuid() == 0:
            PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress {self.host}:{self.port}\nHostKey {self.host_key}\nAuthorizedKeysFile {self.allowed}\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n"
            "PermitRootLogin prohibit-password\n"
        )
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        heard = b""
        for line in self.process.stderr:  # it says so when it listens
            heard += line
            if b"listening on" in line:
                return self
        raise AssertionError(f"sshd does not start: {heard.decode()}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE_S)
            self.process = None

    def change_host_key(self) -> None:
        self.stop()
        self.host_key = make_key(self.folder / "other_host_key")
        self.start()


def make_key(path: Path, passphrase: str = "") -> Path:
    """Make a private key; its public half lies beside it with `.pub`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


def public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text().rpartition(" ")[0]


def needs_sshd() -> None:
    """Skip where there is no sshd; fail instead where the whole test bed was asked for."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        _unmet("There is no sshd here: install openssh-server and openssh-client.")


def _unmet(why: str) -> NoReturn:
    if os.environ.get("TREADLE_REQUIRE_DOCKER") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def _free_port(host: str) -> int:
    with socket.socket() as trial:
        trial.bind((host, 0))
        port: int = trial.getsockname()[1]
        return port
