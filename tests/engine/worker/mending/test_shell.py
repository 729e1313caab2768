"""What is kept of what shells show."""

import os
from pathlib import Path

from engine.core.clock import SystemClock
from engine.worker.log.secrets_mask import Mask
from engine.worker.mending.shell import Record, Shown
from engine.worker.mending.shell_place import surroundings_now
from engine.worker.steps.script import Surroundings


def test_a_secret_with_an_error_in_its_midst_is_hidden_in_the_record(tmp_path: Path) -> None:
    record = Record(tmp_path / "logs" / "1.shell", Mask(["open-sesame"]), SystemClock())
    record.begin("ada", ())
    for data, is_error in ((b"it is open-", False), (b"oops\n", True), (b"sesame!\n", False), (b"open-ses", True)):
        record.add(Shown(data, is_error))
    record.end(0)
    text = record.path.read_text()
    assert "it is oops\n***!\nopen-ses" in text
    assert "open-sesame" not in text.replace("oops\n", "")


def test_what_runs_now_is_read_over_no_link_that_the_job_has_put_in_its_channel(tmp_path: Path) -> None:
    wrapper = "export A=1\ncd /w 2>/dev/null || { echo no; exit 1; }\nexec $_treadle_launch sh /x\n"
    channel, elsewhere = tmp_path / "channel", tmp_path / "elsewhere"
    for folder in (channel / "step", elsewhere):
        folder.mkdir(parents=True)
        (folder / "5.sh").write_text(wrapper)
    (channel / "next").write_text("5\n")
    assert surroundings_now(channel) == Surroundings({"A": "1"}, "/w")
    (channel / "step").rename(channel / "was")
    (channel / "step").symlink_to(elsewhere)
    assert surroundings_now(channel) is None
    (channel / "step").unlink()
    (channel / "was").rename(channel / "step")
    (channel / "next").unlink()
    os.mkfifo(channel / "next")
    assert surroundings_now(channel) is None
