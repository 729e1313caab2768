import subprocess
from pathlib import Path

import pytest

from pipelines.shells import ShellError, command_for


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "bash --noprofile --norc -e -o pipefail {0}"),
        ("sh", "sh -e {0}"),
        ("python", "python {0}"),
        ("perl {0}", "perl {0}"),
        ("bash -l {0}", "bash -l {0}"),
        ("python3 -u {0} --flag", "python3 -u {0} --flag"),
    ],
)
def test_a_named_shell_runs_as_on_github(shell: str, line: str) -> None:
    command = command_for(shell)
    assert " ".join(command.argv) == line
    assert (command.extension, command.prologue, command.epilogue) == ("", "", "")


def test_no_shell_means_bash_without_pipefail_or_else_sh_as_the_box_has_it(tmp_path: Path) -> None:
    script = tmp_path / "a script.sh"
    script.write_text('echo "${BASH_VERSION:+bash}" "$-"; false; echo unreached')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    argv = [word.replace("{0}", str(script)) for word in command_for(None).argv]
    with_bash = subprocess.run(argv, capture_output=True, text=True)
    without = subprocess.run(argv, capture_output=True, text=True, env={"PATH": str(tmp_path / "bin")})
    assert (with_bash.returncode, without.returncode) == (1, 1)
    assert with_bash.stdout.split()[0] == "bash"
    assert "e" in without.stdout.split()[-1]
    assert "unreached" not in with_bash.stdout + without.stdout


def test_powershell_stops_at_errors_and_passes_on_the_exit_code() -> None:
    command = command_for("pwsh")
    assert command.argv == ("pwsh", "-command", ". '{0}'")
    assert command.extension == command_for("pwsh -File {0}").extension == ".ps1"
    assert command.prologue.startswith("$ErrorActionPreference")
    assert "LASTEXITCODE" in command.epilogue


def test_quotes_in_a_custom_shell_keep_words_together() -> None:
    assert command_for('env "A=b c" sh {0}').argv == ("env", "A=b c", "sh", "{0}")


@pytest.mark.parametrize("shell", ["perl", "cmd", "powershell", "", "{0}", 'sh "{0}'])
def test_a_shell_that_cannot_work_is_refused_with_a_sentence(shell: str) -> None:
    with pytest.raises(ShellError, match=r"\.$"):
        command_for(shell)
