"""The laws of `vars:` and `environments:` in treadle.yml: a repository's own go before those of all."""

from pathlib import Path

import pytest

from engine.core.errors import SettingsError
from engine.settings.model import EnvironmentSettings, Settings, load

BOTH = """
vars: {region: eu, who: all}
environments:
  Production: {approval: true, branches: [main, "release/**"], vars: {region: us}}
  staging:
repos:
  - {name: team/site, url: ../site, vars: {WHO: site}, environments: {production: {branches: main}}}
  - {name: other, url: ../other}
"""


def settings(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "treadle.yml").write_text(text)
    return load(tmp_path, None, {})


def test_a_repositorys_own_go_before_those_of_all(tmp_path: Path) -> None:
    found = settings(tmp_path, BOTH)
    assert found.vars_of("team/site") == {"REGION": "eu", "WHO": "site"}
    assert found.vars_of("other") == found.vars_of("unknown") == {"REGION": "eu", "WHO": "all"}
    everywhere = EnvironmentSettings(True, ("main", "release/**"), {"REGION": "us"})
    assert found.environment("other", "PRODUCTION") == everywhere
    assert found.environment("team/site", "production") == EnvironmentSettings(branches=("main",))
    assert found.environment("other", "Staging") == EnvironmentSettings()
    assert found.environment("other", "elsewhere") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vars: {1a: x}", "vars has '1a'"),
        ("vars: {github_token: x}", "vars has 'github_token'"),
        ("environments: {prod: {aproval: true}}", "Did you mean 'approval'"),
        ("environments: {prod: {approval: maybe}}", "environments.prod.approval is true or false"),
        ("environments: {prod: {branches: ['[']}}", "environments.prod.branches: "),
        ("environments: {prod: {}, Prod: {}}", "the key 'Prod' is already there"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as told:
        settings(tmp_path, text)
    assert words in f"{told.value} {told.value.fix}"
