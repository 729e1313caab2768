"""The tables of what runs: runs, jobs, attempts and steps, with what each leaves behind.

Instants are REAL seconds since the epoch (UTC), JSON is TEXT. Booleans are 0 and 1.
"""

from peewee import (
    SQL,
    AutoField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    FloatField,
    IntegerField,
    TextField,
)

from engine.store.tables.columns import InstantField, JsonField, Row


class RunRow(Row):
    id = AutoField()
    number = IntegerField()
    repo_id = IntegerField()
    event_id = IntegerField()
    workflow_path = TextField()
    workflow_name = TextField()
    title = TextField()
    definition = CharField()
    event = CharField()
    ref = TextField()
    sha = CharField()
    status = CharField()
    reason = TextField(default="")
    priority = IntegerField()
    attempt = IntegerField(default=1)
    contexts = JsonField()  # github, inputs, vars: what an expression may see of the trigger
    source = JsonField()  # how to get the files: see engine/control/planning.py
    secrets = BlobField(null=True)  # encrypted, see engine/store/secrets.py
    calls = JsonField(default=dict)  # address -> the workflow that is called, pinned: see engine/store/definitions.py
    concurrency_group = TextField(null=True)
    cancel_in_progress = BooleanField(default=False)
    group_limit = IntegerField(default=1)
    actor = TextField(default="")
    queue_all = BooleanField(default=False)
    bisect_id = IntegerField(null=True)  # it looks for the commit that broke a job, and speaks for none
    open_jobs = IntegerField(default=0)
    created_at = InstantField()
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    cancel_asked_at = InstantField(null=True)

    class Meta:
        table_name = "run"
        indexes = (
            (("repo_id", "workflow_path", "number"), True),
            (("status", "cancel_asked_at"), False),
            (("status",), False),  # with the ids in order: the newest of one status
            (("repo_id", "concurrency_group", "status"), False),
            (("event_id", "started_at"), False),
            (("started_at",), False),
            (("finished_at",), False),
            (("repo_id", "workflow_path", "ref", "status", "number"), False),
        )


# Hardly any run is a bisection's, and every look back leaves those out.
RunRow.add_index(RunRow.index(RunRow.bisect_id, name="run_bisect", where=SQL("bisect_id IS NOT NULL")))


class PinRow(Row):
    """A run that a person wants kept whatever its age."""

    run_id = IntegerField(primary_key=True)
    by = CharField()
    at = InstantField()

    class Meta:
        table_name = "pin"


class RemovalRow(Row):
    """A run that is being taken away: its own row is gone, what else it left goes in steps, also after a kill."""

    run_id = IntegerField(primary_key=True)

    class Meta:
        table_name = "removal"


class ActionPinRow(Row):
    """The commit that a `uses:` led to when a job of the run first asked: a retry runs the same one."""

    run_id = IntegerField()
    name = TextField()  # OWNER/REPO, with the host in front where the workflow names one
    ref = TextField()
    sha = CharField()

    class Meta:
        table_name = "action_pin"
        primary_key = CompositeKey("run_id", "name", "ref")
        without_rowid = True


class JobRow(Row):
    id = AutoField()
    run_id = IntegerField()
    repo_id = IntegerField()
    parent_id = IntegerField(null=True)  # the job that calls the workflow it is of
    is_call = BooleanField(default=False)
    key = CharField()
    name = TextField()
    status = CharField()
    reason = TextField(default="")
    plan = JsonField()
    matrix = JsonField(null=True)
    job_index = IntegerField()
    job_total = IntegerField()
    needs = JsonField()
    priority = IntegerField()
    remaining_path = IntegerField()  # seconds of the longest chain that begins here; in jobs, where none was timed yet
    unmet = IntegerField()  # needs and a caller to wait for; of a call that is running: its jobs that have not ended
    ancestry_ok = BooleanField(default=True)
    ancestry_failed = BooleanField(default=False)
    waits_for = TextField(default="")  # what holds a pending job although its needs are met
    fails_matrix = BooleanField(default=False, index=True)  # it failed for good, and its siblings have yet to be told
    concurrency_group = TextField(null=True)
    retry_count = IntegerField(default=0)
    max_retries = IntegerField(default=0)
    retries_left = IntegerField(default=0)
    lost_count = IntegerField(default=0)
    attempts = IntegerField(default=0)
    outputs = JsonField(default=dict)
    tolerated = BooleanField(default=False)
    environment = TextField(default="")
    environment_url = TextField(default="")
    approved_by = CharField(default="")  # who let it into its environment
    hold = BooleanField(default=False)  # a step that fails for good leaves its box to a person
    held_until = InstantField(null=True)  # when that box goes, while there is one: see HoldRow
    patched = BooleanField(default=False)  # its latest attempt went on in a box that a person had hands on
    debug = BooleanField(default=False)  # its next attempts run as with ACTIONS_STEP_DEBUG
    begin_at = JsonField(null=True)  # where its next attempt begins, if not at its first step
    expected_s = FloatField(null=True)  # how long its last green attempts took, when the run was planned
    created_at = InstantField()
    queued_at = InstantField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    next_attempt_at = InstantField(null=True)
    deadline_at = InstantField(null=True)
    cancel_asked_at = InstantField(null=True)
    cancel_now = BooleanField(default=False)  # asked once more: no grace period, no always() step

    class Meta:
        table_name = "job"
        indexes = (
            (("run_id", "key", "status"), False),
            (("status", "unmet", "waits_for"), False),
            (("parent_id", "finished_at"), False),
            (("status", "cancel_asked_at"), False),
            (("repo_id", "concurrency_group", "status"), False),
            (("status", "finished_at"), False),
            (("is_call", "status"), False),
        )


# Hardly any job is patched, and every search for a green run asks whether one is.
JobRow.add_index(JobRow.index(JobRow.run_id, name="job_patched", where=SQL("patched")))


# Nor does any begin at a later step: these keep their checkpoints.
JobRow.add_index(JobRow.index(JobRow.id, name="job_begins_later", where=SQL("begin_at IS NOT NULL")))


class EdgeRow(Row):
    """`job_id` waits for `need_id`."""

    job_id = IntegerField()
    need_id = IntegerField(index=True)

    class Meta:
        table_name = "edge"
        primary_key = CompositeKey("job_id", "need_id")
        without_rowid = True


class AttemptRow(Row):
    id = AutoField()
    job_id = IntegerField()
    number = IntegerField()
    worker = CharField()
    token = CharField()
    status = CharField(index=True)
    queued_at = InstantField(null=True)  # when the job entered the queue for this attempt
    started_at = InstantField()
    lease_expires_at = InstantField()
    heartbeat_at = InstantField()
    finished_at = InstantField(null=True)
    exit_code = IntegerField(null=True)
    kind = CharField(default="")  # what a failure is blamed on: see engine/core/retry.Outcome
    reason = TextField(default="")
    box_id = CharField(default="")
    box_executor = TextField(default="")  # where that is, whatever the configuration says by now
    box_image = TextField(default="")  # '' on this machine
    box_attempt_id = IntegerField(null=True)  # the attempt of the job that made its box, if not itself
    box_number = IntegerField(null=True)  # and the number of that
    began_at = JsonField(null=True)  # where it began, if not at the first step: the job's `begin_at` of then
    patched = BooleanField(default=False)
    state = JsonField(null=True)  # what a restarted engine needs to go on: see engine/worker/steps/job_state.py

    class Meta:
        table_name = "attempt"
        indexes = ((("job_id", "number"), True), (("started_at", "queued_at", "job_id"), False))


class DurationRow(Row):
    """How long a job of a workflow usually takes: its last green attempts in `seconds`, oldest first, their median."""

    repo_id = IntegerField()
    workflow_path = TextField()
    name = TextField()  # its display name
    key = TextField()
    seconds = JsonField()
    usual_s = FloatField()
    at = InstantField(index=True)  # the end of the last of them

    class Meta:
        table_name = "duration"
        primary_key = CompositeKey("repo_id", "workflow_path", "name")
        indexes = ((("repo_id", "workflow_path", "key", "at"), False),)
        without_rowid = True


class StepRow(Row):
    attempt_id = IntegerField()
    position = IntegerField()
    name = TextField()
    status = CharField()
    outcome = CharField(default="")
    conclusion = CharField(default="")
    exit_code = IntegerField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    log_start = IntegerField(null=True)
    log_end = IntegerField(null=True)
    summary = TextField(default="")
    why = JsonField(null=True)  # the parts of its own `if:` with their values, masked: rows of pipelines/expr_trace

    class Meta:
        table_name = "step"
        primary_key = CompositeKey("attempt_id", "position")
        without_rowid = True


class AnnotationRow(Row):
    """An error, warning or notice that a step raised with a workflow command. Text is masked."""

    id = AutoField()
    attempt_id = IntegerField(index=True)
    step = IntegerField()
    level = CharField()
    message = TextField()
    properties = JsonField()

    class Meta:
        table_name = "annotation"


class TransitionRow(Row):
    sequence = AutoField()
    noun = CharField()
    run_id = IntegerField()
    job_id = IntegerField(null=True, index=True)
    attempt = IntegerField(null=True)
    step = IntegerField(null=True)
    name = TextField()
    from_status = CharField()
    to_status = CharField()
    cause = CharField()
    reason = TextField()
    actor = CharField()
    at = InstantField()
    exit_code = IntegerField(null=True)

    class Meta:
        table_name = "transition"
        indexes = ((("run_id", "sequence"), False),)
