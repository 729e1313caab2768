"""An explanation as lines for people, the same on the command line and in the terminal UI. Pure: JSON and a time in.

See app/views/explain.py for what it is made of. Nothing here is made safe for a terminal: whoever shows it does that.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app.wording import age_of, count_of, duration, short_ref
from widgets.glyphs import LOOKS, look

Told = Mapping[str, Any]
FILES = 12  # changed files that are named
CELLS = 64
ASCII = str.maketrans({"→": "->", "▸": ">", "…": "...", **{one.glyph: one.ascii for one in LOOKS.values()}})
NOT_DECIDED = "not worked out yet"


class Line(NamedTuple):
    """One line. `style` is title, dim or none."""

    text: str
    style: str = ""


def explanation(told: Told, now: datetime) -> list[Line]:
    """Return the lines of the explanation of a run, a job or an event."""
    make = {"run": _run, "job": _job, "event": _event}[told["kind"]]
    lines = list(make(told, now))
    if told["unknown"]:
        lines += [Line(""), Line("What cannot be known", "title"), *(Line(f"  {one}") for one in told["unknown"])]
    return lines


def in_ascii(text: str) -> str:
    """Return a line for a terminal that shows plain characters only."""
    return text.translate(ASCII)


def _run(told: Told, now: datetime) -> Iterable[Line]:
    run, event = told["run"], told["event"]
    yield Line(f"{run['workflow']} #{run['number']}  r{run['id']}  {_status(run['status'])}", "title")
    if run["reason"]:
        yield Line(f"  {run['reason']}")
    if told["waits"]:
        yield from _waits(told["waits"], now, "  ")
    yield Line("")
    if event is None:
        yield Line(f"  {run['event']} on {short_ref(run['ref'])} by {run['actor']}; the event itself is forgotten")
    else:
        yield Line(f"  event e{event['id']}: {_what_came(event, now)}")
        if event["verdict"]:
            yield Line(f"  it runs because of {event['verdict']}")
        yield from _files(event["changed_files"])
    rows = _written("title", told["title"]) + _group(told["concurrency"])
    yield from rows
    yield from _jobs(told["jobs"], now)
    for matrix in told["matrices"]:
        yield Line("")
        yield from _matrix(matrix, f"Matrix of {matrix['key']}")
    if told["matrices_left"]:
        yield Line("")
        yield Line(f"  and up to {told['matrices_left']} more; what explains one of their jobs tells them", "dim")


def _jobs(jobs: Sequence[Told], now: datetime) -> Iterable[Line]:
    if not jobs:
        return
    yield Line("")
    yield Line("Jobs", "title")
    wide = max(len(job["name"]) for job in jobs)
    for job in jobs:
        waits = job["waits"]
        why = f"{waits['reason']}, for {_since(waits, now)}" if waits else job["because"]
        yield Line(f"  {_status(job['status']):<11}  {job['name']:<{wide}}  j{job['id']}  {why}".rstrip())


def _job(told: Told, now: datetime) -> Iterable[Line]:
    job, run = told["job"], told["run"]
    yield Line(f"{job['name']}  j{job['id']}  {_status(job['status'])}", "title")
    yield Line(f"  of {run['workflow']} #{run['number']} (r{run['id']}), {run['event']} on {short_ref(run['ref'])}")
    if told["because"]:
        yield Line(f"  because {told['because']}")
    if told["waits"]:
        yield from _waits(told["waits"], now, "  ")
    if told["waited"]:
        yield Line("")
        yield Line("Has waited", "title")
        yield from (Line(f"  {duration(one['seconds']):>9}  for {one['reason']}") for one in told["waited"])
    yield from _condition(told["condition"])
    yield from _needs(told["needs"])
    if told["matrix"]:
        yield Line("")
        yield from _matrix(told["matrix"], "Matrix", job["id"])
    yield from _place(told)
    yield from _attempts(told["attempts"])
    yield from _steps(told["steps"])


def _condition(condition: Told | None) -> Iterable[Line]:
    if condition is None:
        return
    yield Line("")
    written = condition["written"]
    if not condition["parts"]:
        yield Line("Condition", "title")
        yield Line(f"  if: {written if written is not None else 'none of its own: success() decides'}")
        yield Line(f"  {NOT_DECIDED}: it waits for what it needs", "dim")
        return
    holds = "cannot be worked out" if condition["holds"] is None else "holds" if condition["holds"] else "does not hold"
    yield Line(f"Condition {holds}", "title")
    yield Line(f"  if: {written}" if written is not None else "  it has no `if:` of its own")
    if condition["adds_success"]:
        yield Line("  it asks for no status, so it asks for success() too", "dim")
    yield from _parts(condition["parts"], "  ")


def _needs(needs: Sequence[Told]) -> Iterable[Line]:
    if not needs:
        return
    yield Line("")
    yield Line("Needs", "title")
    wide = max(len(need["name"]) for need in needs)
    for need in needs:
        allowed = "  (allowed to fail)" if need["tolerated"] else ""
        yield Line(f"  {_status(need['status']):<11}  {need['name']:<{wide}}  j{need['job']}{allowed}")
        yield from (Line(f"  {'':<11}  outputs.{name} → {value}", "dim") for name, value in need["outputs"].items())


def _place(told: Told) -> Iterable[Line]:
    lines: list[Line] = []
    place, environment = told["runs_on"], told["environment"]
    if place is not None:
        lines += [line for one in place["written"] for line in _written("runs-on", one)]
        if place["calls"]:
            lines.append(Line(f"  calls          {place['calls']}"))
        else:
            where = place["problem"] or (f"image {place['image']}" if place["image"] else "this machine itself")
            by = {"container": "its container:", "executor": "the executor host", "label": ""}.get(place["by"], "")
            label = by or ", ".join(place["labels"])
            lines.append(Line(f"  runs on        {label} → {where}"))
    if environment is not None:
        gate = f"; {environment['gate']}" if environment["gate"] else ""
        let = f"; let in by {environment['approved_by']}" if environment["approved_by"] else ""
        lines.append(Line(f"  environment    {environment['name']}{let}{gate}"))
    lines += _group(told["concurrency"])
    lines.append(Line(f"  priority       {told['job']['priority']}"))
    yield Line("")
    yield Line("Where and when", "title")
    yield from lines


def _attempts(attempts: Sequence[Told]) -> Iterable[Line]:
    if not attempts:
        return
    yield Line("")
    yield Line("Attempts", "title")
    for one in attempts:
        kind = f" ({one['kind']})" if one["kind"] else ""
        reason = f": {one['reason']}" if one["reason"] else ""
        yield Line(f"  {one['number']:>3}  {_status(one['status'])}{kind}{reason}")
        patched = "a person had hands on its box, so it turns nothing green" if one["patched"] else ""
        yield from (Line(f"       {said}", "dim") for said in (one["began"], patched, one["then"]) if said)


def _steps(steps: Sequence[Told]) -> Iterable[Line]:
    if not steps:
        return
    yield Line("")
    yield Line("Steps of the latest attempt", "title")
    for step in steps:
        because = f": {step['because']}" if step["because"] else ""
        yield Line(f"  {step['index']:>3}  {_status(step['status']):<11}  {step['name']}{because}")
        yield from _parts(step["parts"], "       ")


def _event(told: Told, now: datetime) -> Iterable[Line]:
    event = told["event"]
    yield Line(f"Event e{event['id']}  {event['status']}", "title")
    yield Line(f"  {_what_came(event | {'about': told['about'], 'forge': told['forge']}, now)}")
    if title := told["about"]["title"]:
        yield Line(f"  {title}")
    if event["problem"] and not told["waits"]:
        yield Line(f"  nothing came of it: {event['problem']}")
    if told["waits"]:
        waits = told["waits"]
        yield Line(f"  waits to be planned, for {_since(waits, now)}: {waits['reason']}")
        if waits["until"]:
            yield Line(f"  tried {waits['tries']} times; again {_until(waits['until'], now)}")
    yield from _files(told["changed_files"])
    if not told["workflows"]:
        return
    yield Line("")
    yield Line("Workflows", "title")
    for one in told["workflows"]:
        runs = ", ".join(f"r{run['id']} {run['status']}" for run in one["runs"])
        yield Line(f"  {'runs' if one['runs'] else 'does not run':<13} {one['path']}{f'  {runs}' if runs else ''}")
        yield Line(f"  {'':<13} {one['reason']}", "dim")


def _what_came(event: Told, now: datetime) -> str:
    about = event["about"]
    ref = f" of {short_ref(about['ref'])}" if about["ref"] else ""
    by = f" by {about['actor']}" if about["actor"] else ""
    source = event["forge"] or event["source"]
    came = age_of(event["received_at"], now)
    return f"{event['kind']}{ref}{by}, from {source}, {came}"


def _files(files: Sequence[str] | None) -> Iterable[Line]:
    if files is None:
        return
    more = f" and {len(files) - FILES} more" if len(files) > FILES else ""
    yield Line(f"  changed files: {', '.join(files[:FILES])}{more}" if files else "  no file changed")


def _waits(waits: Told, now: datetime, indent: str) -> Iterable[Line]:
    until = f", until {_until(waits['until'], now)}" if waits["until"] else ""
    yield Line(f"{indent}waits for {_since(waits, now)}: {waits['reason']}{until}")
    for need in waits["needs"]:
        yield Line(f"{indent}  {_status(need['status']):<11}  {need['name']}  j{need['job']}, for {_since(need, now)}")
    for one in waits["holders"]:
        name = f"{one['kind']} {one['id']} ({one['name']} #{one['number']})"
        yield Line(f"{indent}  held by {name}, for {_since(one, now)}")
    if waits["before"]:
        others = "1 waits" if waits["before"] == 1 else f"{waits['before']} wait"
        yield Line(f"{indent}  {others} before it")


def _matrix(matrix: Told, title: str, own: int | None = None) -> Iterable[Line]:
    if matrix["open"]:
        yield Line(f"{title}: {NOT_DECIDED}", "title")
        yield from (Line(f"  {one['written']}") for one in matrix["written"])
        return
    count = len(matrix["cells"])
    yield Line(f"{title}: {count_of(count, 'cell')}", "title")
    if matrix["problem"]:
        yield Line(f"  {matrix['problem']}")
    for one in matrix["written"]:
        yield from _written("", one)
    for name, values in matrix["vectors"].items():
        yield Line(f"  {name}: {', '.join(values)}")
    if not matrix["fail_fast"]:
        yield Line("  fail-fast: false: the others go on when one fails")
    if matrix["max_parallel"]:
        yield Line(f"  max-parallel: {matrix['max_parallel']}")
    for cell in matrix["cells"][:CELLS]:
        how = "added by include" if cell["added"] else ""
        how = how or ", ".join(f"extended by include {_cell(entry)}" for entry in cell["extended_by"])
        mark = "▸" if own is not None and cell["job"] == own else " "
        job = f"j{cell['job']} {cell['status']}" if cell["job"] else ""
        yield Line(f" {mark}{_cell(cell['values'])}  {'  '.join(part for part in (job, how) if part)}".rstrip())
    if count > CELLS:
        yield Line(f"  and {count - CELLS} more")
    for gone in matrix["removed"][:CELLS]:
        yield Line(f"  {_cell(gone['values'])}  removed by exclude {_cell(gone['by'])}", "dim")
    yield from (Line(f"  exclude {_cell(one)} removed nothing", "dim") for one in matrix["unused"])


def _cell(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}"


def _group(concurrency: Told | None) -> list[Line]:
    if concurrency is None:
        return []
    lines = _written("concurrency", concurrency["group"])
    if concurrency["cancel_in_progress"] is not None:
        lines += _written("cancel first", concurrency["cancel_in_progress"])
    if concurrency["limit"] > 1:
        lines.append(Line(f"  {'':<13}  {concurrency['limit']} at once"))
    return lines


def _written(name: str, told: Told | None) -> list[Line]:
    """Return what a text with expressions is, and what it came to."""
    if told is None:
        return []
    value = f"failed: {told['error']}" if told["error"] else told["value"]
    came = "" if value == told["written"] or value is None else f" → {value}"
    lines = [Line(f"  {name:<13}  {told['written']}{came}" if name else f"  {told['written']}{came}")]
    deep = [part for part in told["parts"] if part["text"] not in told["written"] or len(told["parts"]) > 1]
    return lines + list(_parts(deep, f"  {'':<13}  " if name else "    "))


def _parts(parts: Sequence[Told], indent: str) -> Iterable[Line]:
    for part in parts:
        said = "not looked at" if part["value"] is None else f"→ {part['value']}"
        note = f" ({part['note']})" if part["note"] else ""
        yield Line(f"{indent}{'  ' * part['depth']}{part['text']} {said}{note}", "dim" if part["value"] is None else "")


def _status(status: str) -> str:
    shown = look(status)
    return f"{shown.glyph} {shown.word}"


def _since(told: Told, now: datetime) -> str:
    return duration(max(0.0, (now - datetime.fromisoformat(told["since"])).total_seconds())) if told["since"] else "?"


def _until(instant: str, now: datetime) -> str:
    left = (datetime.fromisoformat(instant) - now).total_seconds()
    return f"in {duration(left)}" if left > 0 else "now"


def supposed(event: Told, workflows: Sequence[Told]) -> list[Line]:
    """Return the lines of what an event would run that has not come."""
    lines = [Line(f"{event['name']} of {event['tag'] or event['branch'] or event['ref']}, supposed", "title")]
    lines += _files(event["changed_files"])
    for one in workflows:
        lines += [Line(""), Line(f"{'runs' if one['runs'] else 'does not run':<13} {one['path']}: {one['reason']}")]
        if one.get("problem"):
            lines.append(Line(f"  cannot be planned: {one['problem']}"))
        lines += _written("title", one.get("title")) + _group(one.get("concurrency"))
        for job in one.get("jobs", ()):
            would = {True: "runs", False: "is skipped", None: "fails"}[job["runs"]]
            needs = f", once {', '.join(job['needs'])} succeeded" if job["needs"] and job["runs"] else ""
            matrix = ", its matrix is not known yet" if job["open"] else ""
            lines.append(Line(f"  {job['name']}: {would}{needs}{matrix}"))
            lines += _parts(job["parts"], "      ")
    return lines
