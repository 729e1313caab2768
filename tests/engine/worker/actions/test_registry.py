"""Which actions are built in, and what is said of their inputs."""

import pytest

from engine.worker.actions.built_in.registry import lookup


@pytest.mark.parametrize(
    "uses",
    ["actions/checkout@v4", "Actions/Checkout@main", "actions/upload-artifact@abc", "actions/download-artifact@v5"],
)
def test_a_built_in_is_known_at_any_ref_in_any_case(uses: str) -> None:
    action = lookup(uses)
    assert action is not None
    assert action.name == uses.split("@")[0].lower()


@pytest.mark.parametrize("uses", ["actions/checkout", "actions/labeler@v4", "./local", "x/actions/checkout@v4", ""])
def test_others_are_not(uses: str) -> None:
    assert lookup(uses) is None


def test_an_input_that_nobody_honours_is_said_and_a_harmless_one_is_not() -> None:
    checkout = lookup("actions/checkout@v4")
    assert checkout is not None
    fine = {"fetch-depth": "0", "submodules": "false", "persist-credentials": "false", "Ref": "", "lfs": ""}
    assert checkout.warnings(fine) == []
    (unknown, modules, token) = checkout.warnings({"submodules": "recursive", "brunch": "x", "token": "t"})
    assert unknown.startswith("Unexpected input(s) 'brunch', valid inputs are ['clean', ")
    assert "submodules are left empty" in modules
    assert "token" in token
    assert "'t'" not in token
