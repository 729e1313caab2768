"""The tables of what helps to find a fault and mend it: boxes that are held, checkpoints, failures, bisections."""

from peewee import SQL, AutoField, BooleanField, CharField, CompositeKey, IntegerField, TextField

from engine.store.tables.columns import InstantField, JsonField, Row


class HoldRow(Row):
    """The box of a failed attempt that is kept for a person. `step` is the place of the one that failed.

    `state` is what to go on from, sealed as an attempt's: see engine/worker/mending/holding.py.
    """

    job_id = IntegerField(primary_key=True)
    attempt_id = IntegerField()
    number = IntegerField()
    executor = CharField()  # docker or host
    box_id = CharField()
    box_attempt_id = IntegerField()  # the attempt that made the box, whose name and folder it bears
    box_number = IntegerField()
    step = IntegerField()
    state = JsonField()
    memory_bytes = IntegerField(default=0)  # what the box and its services used when it was measured last
    touched = BooleanField(default=False)  # a person has had a shell in it
    held_at = InstantField()
    until = InstantField()

    class Meta:
        table_name = "hold"


class CheckpointRow(Row):
    """What a job's workspace and environment were after one of its steps: see engine/store/contents/checkpoints.py."""

    job_id = IntegerField()
    step = IntegerField()  # the place of the last that is in it
    attempt = IntegerField()
    executor = CharField()  # docker or host
    image = TextField()
    base = TextField()  # the folder that the names in its tars are relative to
    layers = JsonField()  # [{tar, gone, stored_bytes}], one over the other
    size_bytes = IntegerField()
    state = JsonField()  # sealed, as an attempt's
    at = InstantField(index=True)

    class Meta:
        table_name = "checkpoint"
        primary_key = CompositeKey("job_id", "step")
        without_rowid = True


class FailureRow(Row):
    """How one attempt failed: its fingerprint, and whether the same job passed at the same commit afterwards."""

    attempt_id = IntegerField(primary_key=True)
    repo_id = IntegerField()
    workflow_path = TextField()
    job = TextField()  # its display name
    step = TextField()
    fingerprint = CharField()
    line = TextField()  # the first error as it was, masked
    exit_code = IntegerField(null=True)
    sha = CharField()
    ref = TextField()
    content = CharField()  # the digest of the files and the inputs that it ran with: what "the same commit" means
    passed_later = BooleanField(default=False)
    at = InstantField()

    class Meta:
        table_name = "failure"
        indexes = ((("repo_id", "fingerprint"), False), (("at",), False))


# Asked for at every end of a job that succeeds, and hardly any failure is open.
FailureRow.add_index(FailureRow.index(FailureRow.repo_id, FailureRow.job, where=SQL("NOT passed_later")))


class BisectRow(Row):
    """The search for the commit that broke a job. `status` is running, found, failed or cancelled."""

    id = AutoField()
    job_id = IntegerField()  # the red one it began at
    run_id = IntegerField(index=True)
    job_name = TextField()
    good = CharField()
    bad = CharField()
    good_run = IntegerField(default=0)  # which say so; 0: a person does
    bad_run = IntegerField(default=0)
    status = CharField(index=True)
    culprit = JsonField(null=True)
    suspects = JsonField(default=list)  # where several are left and none can be tried
    reason = TextField(default="")
    commits = IntegerField()  # among which the culprit is, at first
    left = IntegerField()  # and now
    tried = JsonField(default=list)  # trials in their order: see engine/core/bisect_records.py
    steps = IntegerField(default=0)  # how often `tried` was written
    actor = CharField()
    created_at = InstantField()
    finished_at = InstantField(null=True)

    class Meta:
        table_name = "bisect"


MENDING_TABLES: tuple[type[Row], ...] = (HoldRow, CheckpointRow, FailureRow, BisectRow)
