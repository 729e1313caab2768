"""What the steps of a job pass on, as it is written down."""

import json
from dataclasses import asdict

from engine.worker.steps.job_state import Hook, JobState


def a_state() -> JobState:
    hook = Hook("Post x", "node", "a/x@v1", "x", "", {"in": "1"}, {"A": "b"}, {"script": "p.js"})
    return JobState(2, 5, env={"A": "b"}, paths=["/p"], steps={"one": {"outputs": {"x": "y"}}}, posts=[hook], hook=hook)


def test_a_state_survives_being_written_down() -> None:
    state = a_state()
    assert JobState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert state.to_json() == asdict(state)


def test_what_follows_changes_nothing_that_was_written_down() -> None:
    state = a_state()
    written = state.to_json()
    state.env["A"] = "c"
    state.steps["one"]["outputs"]["x"] = "z"
    state.posts[0].state["seen"] = "yes"
    state.paths.append("/q")
    assert written == a_state().to_json()
