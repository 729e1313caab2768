"""The JSON stream holds the contract's lines, and the texts of a step joined are its log."""

import json

import pytest

from app.cli.progress.json_lines import JsonLines
from app.cli.result import JobResult, Result, RunResult


@pytest.fixture
def stream(world, out):
    renderer = JsonLines(out)
    world.renderers.append(renderer)
    return renderer


def lines(out) -> list[dict]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_line_has_the_fields_of_the_contract(world, out, stream):
    build = world.job(31, "test (3.12, linux)", key="test")
    run = world.run(build)
    world.tell("run", run, "queued", "running")
    world.tell("job", build, "queued", "running", attempt=1)
    world.tell("step", build, "running", "failed", attempt=1, step=2, name="make", code=7)
    world.log(build, 1, 2, b"hello\n")
    at = "2030-01-02T03:04:05.000Z"
    name = "test (3.12, linux)"
    assert lines(out) == [
        {"type": "run", "id": 7, "number": 3, "workflow": "CI", "status": "queued", "at": at},
        {"type": "run", "id": 7, "number": 3, "workflow": "CI", "status": "running", "at": at},
        {"type": "job", "run": 7, "id": 31, "job": 31, "name": name, "attempt": 1, "from": "queued",
         "status": "running", "at": at, "reason": ""},
        {"type": "step", "job": 31, "attempt": 1, "index": 2, "name": "make", "status": "failed", "exit_code": 7,
         "at": at},
        {"type": "log", "job": 31, "attempt": 1, "step": 2, "text": "hello\n"},
    ]  # fmt: skip


def test_the_last_line_is_the_result(out, stream):
    job = JobResult(31, "test", "success", 2, {"v": "1"}, 1.23456, ("build",))
    stream.finished(Result("success", 2.5, (RunResult(7, "CI", "success", {"test (3.12)": job}),)))
    assert lines(out)[-1] == {
        "type": "result", "status": "success", "seconds": 2.5,
        "runs": [{"id": 7, "workflow": "CI", "status": "success", "jobs": {"test (3.12)": {
            "id": 31, "key": "test", "status": "success", "attempts": 2, "outputs": {"v": "1"}, "seconds": 1.235,
            "needs": ["build"]}}}],
    }  # fmt: skip


def test_the_texts_of_a_step_joined_are_its_log(world, out, stream):
    build = world.job(1, "build")
    world.run(build)
    log = "grüße\nzwei\n\nno end".encode()
    for at in range(0, len(log), 3):
        world.log(build, 1, 1, log[at : at + 3])
    world.tell("step", build, "running", "success", attempt=1, step=1)
    texts = [line["text"] for line in lines(out) if line["type"] == "log"]
    assert "".join(texts) == log.decode()
    assert lines(out)[-1]["type"] == "step"


def test_bytes_that_are_no_text_do_not_break_the_stream(world, out, stream):
    build = world.job(1, "build")
    world.run(build)
    world.log(build, 1, 1, b"\xff\xfe\x00\x1b[2J\xe2\x80\xa8\n")
    assert len(out.getvalue().splitlines()) == 2
    assert out.getvalue().isascii()


def test_a_line_without_an_end_comes_in_pieces_and_whole(world, out, stream):
    build = world.job(1, "build")
    world.run(build)
    for _ in range(40):
        world.log(build, 1, 1, b"x" * 65536)
    stream.finished(Result("success", 1.0, ()))
    assert sum(len(line["text"]) for line in lines(out) if line["type"] == "log") == 40 * 65536
