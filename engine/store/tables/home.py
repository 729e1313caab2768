"""The tables of a home itself: who may use it, its secrets, who has still to hear what, where readers stand.

Instants are REAL seconds since the epoch (UTC), JSON is TEXT. Booleans are 0 and 1.
"""

from peewee import (
    AutoField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    TextField,
)

from engine.store.tables.columns import InstantField, JsonField, Row


class TokenRow(Row):
    """Who may use the API over TCP. The token itself is never kept, only its digest."""

    id = AutoField()
    name = CharField()
    scope = CharField()  # read, write or admin
    digest = CharField(unique=True)
    created_at = InstantField()
    used_at = InstantField(null=True)

    class Meta:
        table_name = "token"


class SecretRow(Row):
    """A secret of one repository, or of all (`repo_id` 0); sealed, see engine/store/secrets.py.

    One of an `environment` (in lower case) is for its jobs alone.
    """

    repo_id = IntegerField(default=0)
    environment = CharField(default="")
    name = CharField()
    sealed = BlobField()
    updated_at = InstantField()

    class Meta:
        table_name = "secret"
        primary_key = CompositeKey("repo_id", "environment", "name")


class OutboxRow(Row):
    """What a forge, or a webhook of ours, has still to hear; sent in order within its `lane`."""

    id = AutoField()
    receiver = CharField(default="")  # scheme and host: who hears it, and who is left alone while it does not answer
    lane = CharField()  # one receiver and one thing said: a later row of the same lane waits for the earlier
    kind = CharField()  # status or notify
    run_id = IntegerField(index=True)
    body = JsonField()
    tries = IntegerField(default=0)
    next_try_at = InstantField()
    problem = TextField(default="")
    created_at = InstantField()
    sent_at = InstantField(null=True)

    class Meta:
        table_name = "outbox"
        indexes = ((("sent_at", "receiver", "next_try_at"), False), (("lane", "sent_at"), False))


class CursorRow(Row):
    """How far a reader of something has come: the reporter in the transitions, a watcher in a repository's refs, a
    schedule in time; and whether the queue is paused. `value` is the reader's own."""

    name = CharField(primary_key=True)
    value = JsonField()

    class Meta:
        table_name = "cursor"
