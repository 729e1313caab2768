"""docs/compatibility.md: every key of GitHub's syntax and what becomes of it."""

from docs.markdown import cell, listed, table

COMPATIBILITY = """
# GitHub's syntax, key by key

Printed from the tables that the parser reads by. *Honoured* means: as on GitHub. What is refused is told with its line
by `treadle validate`, as a warning where GitHub would take it, and a run that needs it is refused before anything
starts. A key that is in no table is an error, with the nearest that there is. Nothing is read and then ignored.
"""
ACTIONS_NOTE = """
`uses:` of a step may be a built-in action (below, at whatever ref), `./folder` of the same repository, `OWNER/REPO@REF`
or `OWNER/REPO/folder@REF` (from where `actions:` in treadle.yml says, kept, and pinned for the run), or
`docker://IMAGE`. Actions may be composite, JavaScript or a container. `uses:` of a job may be a workflow of the same
commit or of another repository.
"""
SERVICES_NOTE = """
Services start before the job's first step, which waits until they are healthy; their logs end the job's log; all of
them go with the job. As on GitHub, a job with a `container` reaches them by name (`db:5432`), and one without at the
ports that they publish (`localhost:5432`, `${{ job.services.db.ports['5432'] }}`); by name it does so too, unless it
runs on this machine itself. Two jobs in Docker may publish the same port at once, for each has a localhost of its own.
"""
FILES_NOTE = """
`GITHUB_OUTPUT`, `GITHUB_ENV`, `GITHUB_PATH`, `GITHUB_STATE` and `GITHUB_STEP_SUMMARY` (1 MiB a step) are read as
GitHub's runner reads them; variables of the runner's own and `NODE_OPTIONS` cannot be set. Lines that begin with
`::NAME::` or `##[NAME]` are commands:
"""
SWARM_NOTE = """
A job whose label or `executor:` says [swarm](several-machines.md) runs on another machine, as all of this page says,
but for what is refused with its line before it starts:
"""
_UNSECURE = "refused, as on GitHub, unless `ACTIONS_ALLOW_UNSECURE_COMMANDS` is true"
_DEPRECATED = "deprecated, as on GitHub: works, and warns once a step"
COMMAND_NOTES = {
    "add-path": _UNSECURE,
    "set-env": _UNSECURE,
    "set-output": _DEPRECATED,
    "save-state": _DEPRECATED,
    "debug": "shown if the secret or variable `ACTIONS_STEP_DEBUG` is true",
    "add-matcher": "a file named in a line is told if it would be in the workspace, whether it is there or not; an "
    "expression that takes more than a second for a line is removed, as are all when they take five more than usual "
    "for a job; lines of more than 16 KiB are not looked at",
}


def compatibility_page() -> str:
    """Return docs/compatibility.md: every key of GitHub's syntax and what becomes of it."""
    from engine.worker.actions.built_in.registry import lookup
    from engine.worker.log.commands import KEPT_ANNOTATIONS, NAMES
    from pipelines import compatibility, container_options
    from pipelines.action_refs import BUILT_IN

    parts = [COMPATIBILITY.strip()]
    for part in compatibility.parts():
        mark = "##" if part.place in ("workflow", "on", "action.yml") else "###"
        parts += [f"{mark} `{part.place}`", _rows(part.rows)]
        if part.place == "on":
            filters = [f"| `{row.key}` | {row.says} |" for row in compatibility.filters().rows]
            parts += ["### `on.<event>`", table(("filter", "of"), filters)]
        elif part.place == "jobs.<job_id>.services.<service_id>":
            parts.append(SERVICES_NOTE.strip())
        elif part.place == "jobs.<job_id>.container":
            known = sorted({*container_options._FLAGS, *container_options._SWITCHES})
            parts.append(f"Options: {listed(known)}. Refused, for they open the machine: "
                         f"{listed(sorted(container_options._WEAKENING))}.")  # fmt: skip
    parts += [
        "## Expressions",
        "Contexts:",
        _rows(compatibility.contexts()),
        "Functions:",
        _rows(compatibility.functions()),
    ]
    parts += ["## Actions", ACTIONS_NOTE.strip()]
    for name in sorted(BUILT_IN):
        if (action := lookup(f"{name}@v1")) is None:
            continue
        rows = [compatibility.Row(key) for key in sorted(action.inputs)]
        rows += [
            compatibility.Row(
                key, compatibility.Verdict.DIFFERS, f"changes nothing, with a warning: {rule.why.rstrip('.')}"
            )
            for key, rule in sorted(action.unhonoured.items())
        ]
        parts += [f"### {name}", _rows(rows, "input")]
    commands = [compatibility.Row(name, says=COMMAND_NOTES.get(name, "")) for name in sorted(NAMES)]
    parts += ["## What a step may say", FILES_NOTE.strip(), _rows(commands, "command")]
    parts.append(f"Of each level the first {KEPT_ANNOTATIONS} annotations of a step are kept, on GitHub ten.")
    parts += ["## Jobs in a swarm", SWARM_NOTE.strip(), _refusals()]
    parts.append("## Where a test suite of GitHub's own says otherwise")
    parts += [f"**{what}.** {why} Cases: {listed(cases)}." for what, why, cases in compatibility.OUTSIDE]
    return "\n\n".join(parts) + "\n"


def _refusals() -> str:
    """Return what a job in a swarm may not ask for, as the table says by which it is refused."""
    from engine.worker.swarm.plan import REFUSALS

    rows = [f"| `{refusal.key}` | refused | {cell(refusal.why)} |" for refusal in REFUSALS]
    return table(("asked for", "", ""), rows)


def _rows(rows, first: str = "key") -> str:
    """Return a table of rows; those of which the same is said stand together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        alike.setdefault((row.verdict, row.says), []).append(row.key)
    lines = [f"| {listed(keys)} | {verdict} | {cell(says)} |" for (verdict, says), keys in alike.items()]
    return table((first, "", ""), lines)
