"""The laws of `volumes:`."""

import pytest

from pipelines.volumes import PathRefused, Volume, parse_volume


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("/data", Volume("/data")), ("data:/var/lib", Volume("/var/lib", "data")),
        ("data:/d:ro", Volume("/d", "data", read_only=True)), ("d.1_x-y:/d:rw", Volume("/d", "d.1_x-y")),
    ],
)  # fmt: skip
def test_a_volume_has_a_name_or_is_its_containers_alone(text: str, volume: Volume) -> None:
    assert parse_volume(text) == volume


@pytest.mark.parametrize("text", ["/:/host", "/var/run/docker.sock:/x", "./a:/b", "../a:/b:ro", "~/a:/b"])
def test_a_path_of_this_machine_is_refused(text: str) -> None:
    with pytest.raises(PathRefused, match="this machine"):
        parse_volume(text)


@pytest.mark.parametrize("text", ["", "name", "name:data", "name:/d:rx", "a:/b:ro:/c", "/", "name:/", "x y:/d"])
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="volume"):
        parse_volume(text)
