"""Every table of the schema, in the order in which they are made."""

from engine.store.tables.columns import Row
from engine.store.tables.events import CommitRow, DefinitionRow, EventRow, RefRow, RepoRow, SightingRow
from engine.store.tables.home import CursorRow, OutboxRow, SecretRow, TokenRow
from engine.store.tables.mending import MENDING_TABLES
from engine.store.tables.runs import (
    ActionPinRow,
    AnnotationRow,
    AttemptRow,
    DurationRow,
    EdgeRow,
    JobRow,
    PinRow,
    RemovalRow,
    RunRow,
    StepRow,
    TransitionRow,
)

TABLES: tuple[type[Row], ...] = (
    RepoRow,
    DefinitionRow,
    EventRow,
    CommitRow,
    RefRow,
    SightingRow,
    RunRow,
    PinRow,
    RemovalRow,
    ActionPinRow,
    JobRow,
    EdgeRow,
    AttemptRow,
    DurationRow,
    StepRow,
    AnnotationRow,
    TransitionRow,
    TokenRow,
    SecretRow,
    OutboxRow,
    CursorRow,
    *MENDING_TABLES,
)
