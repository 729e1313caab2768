"""Wrong usage is one line, which names the word that was probably meant."""

import pytest

from app.cli.main import main


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("show --jsno", "treadle show: There is no option '--jsno'. Did you mean `--json`?"),
        ("show --jsno=1", "treadle show: There is no option '--jsno=1'. Did you mean `--json`?"),
        ("run --jb test", "treadle run: There is no option '--jb'. Did you mean `--job`?"),
        ("repo ad site .", "'ad' is none of add, list, sync, remove. Did you mean `add`?"),
        (
            "repo add site . --secert-env X",
            "treadle repo add: There is no option '--secert-env'. Did you mean `--secret",
        ),
        ("token create --scope wirte", "--scope: 'wirte' is none of read, write, admin. Did you mean `write`?"),
        ("show r1 r2", "treadle show: There is no place for 'r2'. `treadle show --help` tells the rest."),
        ("run --zzz", "treadle run: There is no option '--zzz'. `treadle run --help` tells the rest."),
        ("retry", "JOB|RUN. `treadle retry --help` tells the rest."),
        ("--heedless", "treadle: There is no option '--heedless'. Did you mean `--headless`?"),
    ],
)
def test_wrong_usage_is_one_line_that_names_what_was_meant(line, said, capsys):
    with pytest.raises(SystemExit) as ending:
        main(line.split())
    out, err = capsys.readouterr()
    assert (ending.value.code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_what_stands_for_all_commands_may_stand_behind_a_command_of_a_command(tmp_path, capsys):
    assert main(["repo", "list", "--json", "--home", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "[]\n"
