"""Answers for the kinds file-command, log-command, log-sequence and masking, by the product's own functions."""

from dataclasses import asdict
from typing import Any

from engine.worker.log.commands import CommandStream, parse
from engine.worker.log.secrets_mask import Mask
from engine.worker.steps.file_commands import FileCommandError, parse_env, parse_path, parse_values, read_summary

Answer = dict[str, Any]


def file_command(case: Answer) -> Answer:
    """`file` and `content` (or `content_gen`: a character and how often) to `value` or `error`."""
    made = case.get("content_gen") or {"char": "", "repeat": 0}
    content = str(case.get("content", made["char"] * made["repeat"])).encode()
    try:
        match case["file"]:
            case "GITHUB_PATH":
                return {"value": parse_path(content)}
            case "GITHUB_STEP_SUMMARY":
                return {"value": "none" if read_summary(content) is None else "stored"}
            case "GITHUB_ENV":
                change = parse_env(content)
                return {"value": dict(change.values), "errors": list(change.errors)}
            case _:
                return {"value": parse_values(content)}
    except FileCommandError as error:
        return {"error": str(error)}


def log_command(case: Answer) -> Answer:
    """`line` to `command` (null: plain text), `properties` and `data`."""
    command = parse(case["line"])
    if command is None:
        return {"command": None}
    return {"command": command.name, "properties": dict(command.properties), "data": command.data}


def log_sequence(case: Answer) -> Answer:
    """`lines` to what the log shows and what came of them, masks applied as a step's log would."""
    mask = Mask()
    stream = CommandStream(hide=mask.text)
    shown: list[str] = []
    for line in case["lines"]:
        lines = stream.line(line)
        shown += [mask.text(text) for text in ([line] if lines is None else lines)]
        while stream.masks:
            mask.add(stream.masks.pop(0))
    return {
        "shown": shown,
        "annotations": [note.message for note in stream.annotations],
        "notes": [asdict(note) for note in stream.annotations],
        "outputs": stream.outputs,
        "state": stream.state,
        "env": stream.env,
        "paths": stream.paths,
        "failed": bool(stream.failure),
    }


def masking(case: Answer) -> Answer:
    """`secrets` and `log` (or its `chunks`, as they arrive) to what is `shown`."""
    stream = Mask(case["secrets"].values()).stream()
    chunks = case.get("chunks") or [case["log"]]
    shown = b"".join(stream.feed(chunk.encode()) for chunk in chunks) + stream.flush()
    return {"shown": shown.decode()}
