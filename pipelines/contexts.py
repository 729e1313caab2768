"""Which contexts and special functions a workflow may name, and where: GitHub's availability table, as data.

The built-in functions (`contains`, `format`, …) may be called everywhere and stand in `pipelines.functions`.
"""

CONTEXTS = frozenset(
    {"github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"}
)
STATUS_FUNCTIONS = frozenset({"success", "failure", "always", "cancelled"})
SPECIAL_FUNCTIONS = STATUS_FUNCTIONS | {"hashFiles"}

_EVENT = "github inputs vars"
_NEEDS = f"{_EVENT} needs"
_MATRIX = f"{_NEEDS} strategy matrix"
_SECRET = f"{_MATRIX} env secrets"
_RUNNER = f"{_SECRET} job runner"
_STEP = f"{_RUNNER} steps"
_STEP_FREE_OF_SECRETS = f"{_MATRIX} env job runner steps"
_STATUS = " ".join(STATUS_FUNCTIONS)

_TABLE: dict[str, tuple[str, str]] = {
    "run-name": (_EVENT, ""),
    "concurrency": (_EVENT, ""),
    "env": (f"{_EVENT} secrets", ""),
    "on.workflow_call.inputs.<inputs_id>.default": (_EVENT, ""),
    "on.workflow_call.outputs.<output_id>.value": (f"{_EVENT} jobs", ""),
    "jobs.<job_id>.concurrency": (_MATRIX, ""),
    "jobs.<job_id>.container": (_MATRIX, ""),
    "jobs.<job_id>.container.credentials": (_SECRET, ""),
    "jobs.<job_id>.container.env.<env_id>": (_RUNNER, ""),
    "jobs.<job_id>.container.image": (_MATRIX, ""),
    "jobs.<job_id>.continue-on-error": (_MATRIX, ""),
    "jobs.<job_id>.defaults.run": (f"{_MATRIX} env", ""),
    "jobs.<job_id>.env": (f"{_MATRIX} secrets", ""),
    "jobs.<job_id>.environment": (_MATRIX, ""),
    "jobs.<job_id>.environment.url": (_STEP_FREE_OF_SECRETS, ""),
    "jobs.<job_id>.if": (_NEEDS, _STATUS),
    "jobs.<job_id>.name": (_MATRIX, ""),
    "jobs.<job_id>.outputs.<output_id>": (_STEP, ""),
    "jobs.<job_id>.runs-on": (_MATRIX, ""),
    "jobs.<job_id>.secrets.<secrets_id>": (f"{_MATRIX} secrets", ""),
    "jobs.<job_id>.services": (_MATRIX, ""),
    "jobs.<job_id>.services.<service_id>.credentials": (_SECRET, ""),
    "jobs.<job_id>.services.<service_id>.env.<env_id>": (_RUNNER, ""),
    "jobs.<job_id>.steps.continue-on-error": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.env": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.if": (_STEP_FREE_OF_SECRETS, f"{_STATUS} hashFiles"),
    "jobs.<job_id>.steps.name": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.run": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.timeout-minutes": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.with": (_STEP, "hashFiles"),
    "jobs.<job_id>.steps.working-directory": (_STEP, "hashFiles"),
    "jobs.<job_id>.strategy": (_NEEDS, ""),
    "jobs.<job_id>.timeout-minutes": (_MATRIX, ""),
    "jobs.<job_id>.with.<with_id>": (_MATRIX, ""),
}

AVAILABILITY: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    position: (frozenset(names.split()), frozenset(functions.split()))
    for position, (names, functions) in _TABLE.items()
}


def allowed(position: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the contexts and the special functions that `position`, spelt as in GitHub's table, may use.

    Raises KeyError for a position where GitHub evaluates no expression.
    """
    return AVAILABILITY[position]
