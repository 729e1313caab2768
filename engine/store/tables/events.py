"""The tables of what came in: repositories, what was said of them, where their refs are, workflows' texts.

Instants are REAL seconds since the epoch (UTC), JSON is TEXT. Booleans are 0 and 1.
"""

from peewee import (
    AutoField,
    CharField,
    CompositeKey,
    IntegerField,
    TextField,
)

from engine.store.tables.columns import InstantField, JsonField, Row


class RepoRow(Row):
    id = AutoField()
    name = CharField(unique=True)
    path = TextField(default="")
    url = TextField(default="")

    class Meta:
        table_name = "repo"


class DefinitionRow(Row):
    """A workflow's text at one moment, once per distinct content: what a run was planned from and retries with."""

    digest = CharField(primary_key=True)
    path = TextField()
    text = TextField()
    policy = TextField(default="")

    class Meta:
        table_name = "definition"


class EventRow(Row):
    """The inbox: what a trigger said, kept before anything is planned from it.

    `status` is received, planned or dropped. One that could not be planned yet (its forge is down) stays received,
    with `problem`, the count of `tries` and `next_try_at`.
    """

    id = AutoField()
    repo_id = IntegerField()
    delivery = CharField()
    kind = CharField()
    source = CharField(default="person")  # a forge's name, watch, poll, schedule or person
    digest = CharField(default="")  # SHA-256 of the body as it came
    status = CharField(default="planned")
    verdicts = JsonField(null=True)
    tries = IntegerField(default=0)
    next_try_at = InstantField(null=True)
    problem = TextField(default="")
    received_at = InstantField()
    planned_at = InstantField(null=True)
    fields = JsonField()  # last: it may be large, and what stands behind it in a row is slow to read

    class Meta:
        table_name = "event"
        indexes = ((("repo_id", "delivery"), True), (("status", "repo_id", "id"), False))


class CommitRow(Row):
    """What is known of a commit, read from Git once: who wrote it, and the workflows that it holds."""

    repo_id = IntegerField()
    sha = CharField()
    tree = CharField()
    parents = JsonField()
    author_name = TextField()
    author_email = TextField()
    message = TextField()
    at = InstantField()
    ref = TextField()  # where it was first seen
    workflows = JsonField()  # path -> [definition's digest or null, what is wrong with it or ""]

    class Meta:
        table_name = "commit"
        primary_key = CompositeKey("repo_id", "sha")
        without_rowid = True


class RefRow(Row):
    """Where a branch or a tag of a repository stood when we last heard of it, and by which event (0: found so)."""

    repo_id = IntegerField()
    name = TextField()
    sha = CharField()
    event_id = IntegerField()

    class Meta:
        table_name = "ref"
        primary_key = CompositeKey("repo_id", "name")
        without_rowid = True


class SightingRow(Row):
    """A push that we saw ourselves (watch, poll, at start): the delivery that tells of it later starts nothing."""

    event_id = IntegerField(primary_key=True)
    repo_id = IntegerField()
    name = TextField()
    sha = CharField()
    at = InstantField()

    class Meta:
        table_name = "sighting"
        indexes = ((("repo_id", "name", "sha"), False),)
