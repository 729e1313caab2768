"""What is kept of what shells show."""

from pathlib import Path

from engine.core.clock import SystemClock
from engine.worker.log.secrets_mask import Mask
from engine.worker.mending.shell import Record, Shown


def test_a_secret_with_an_error_in_its_midst_is_hidden_in_the_record(tmp_path: Path) -> None:
    record = Record(tmp_path / "logs" / "1.shell", Mask(["open-sesame"]), SystemClock())
    record.begin("ada", ())
    for data, is_error in ((b"it is open-", False), (b"oops\n", True), (b"sesame!\n", False), (b"open-ses", True)):
        record.add(Shown(data, is_error))
    record.end(0)
    text = record.path.read_text()
    assert "it is oops\n***!\nopen-ses" in text
    assert "open-sesame" not in text.replace("oops\n", "")
