"""Names of artifacts and of the files in them."""

import pytest

from pipelines.artifact_names import artifact_name_error, artifact_path_error


@pytest.mark.parametrize("name", ["build", "build-1.2_3", "a b", "-rf", "$(touch x)", "日本", "x" * 255])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    assert artifact_name_error(name) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", *(f"a{c}b" for c in '":<>|*?\r\n\0'), "x" * 256]
)
def test_a_name_that_no_file_system_shares_is_refused_with_the_reason(name: str) -> None:
    assert "name" in (artifact_name_error(name) or "")


@pytest.mark.parametrize(
    "path", ["", "/etc/x", "../x", "a/../x", "a//b", "a/./b", "a/b:c", "a\nb", "n" * 256, "d/" * 1500]
)
def test_a_path_that_leads_out_or_cannot_exist_is_refused(path: str) -> None:
    assert "path" in (artifact_path_error(path) or "")


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", ".hidden", "a\\b", "-x", "\udcff"])
def test_an_ordinary_path_is_accepted(path: str) -> None:
    assert artifact_path_error(path) is None
