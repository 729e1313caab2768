"""What a node says, and how much room it takes."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.widgets.dag_reading import STATUSES
from widgets.dag_fold import Node, fold
from widgets.dag_job import DagJob
from widgets.dag_picture import Box
from widgets.dag_text import fold_width, job_width, spans
from widgets.names import cut_middle

HOSTILE = "\x1b]52;c;aGk=\x07[red]名前\u202e[/]\x1b[2J\u0301"


def text(node, *jobs, ascii=False, **box):
    found = spans(node, {job.id: job for job in jobs}, Box(0, 0, **({"width": 80, "name": 40} | box)), ascii)
    return "".join(part for part, _ in found)


def one(status="success", note="12s", name="build"):
    return Node(1, name, (1,)), DagJob(1, "build", name, status, note)


def test_a_job_says_glyph_name_word_and_note():
    assert text(*one()) == "✓ build success 12s"
    assert text(*one("timed_out", "")) == "⧖ build timed out"
    assert text(*one(), ascii=True) == "v build success 12s"


def test_a_note_without_room_is_left_out_and_the_word_is_not():
    assert text(*one(), width=17) == "✓ build success"


def test_a_fold_says_word_counts_and_bar():
    jobs = [DagJob(id, "unit", f"unit ({id})", status) for id, status in enumerate(["success"] * 7 + ["running"] * 3)]
    node = Node("unit", "unit", tuple(range(10)))
    assert text(node, *jobs, bar=10) == "● unit running  7/10 ▕███████▒▒▒▏"
    assert text(node, *jobs, bar=10, ascii=True) == "* unit running  7/10 [#######===]"


def test_a_fold_counts_what_failed_in_it():
    jobs = [DagJob(id, "unit", "", status) for id, status in enumerate(["failed", "success", "failed"])]
    assert text(Node("unit", "unit", (0, 1, 2)), *jobs) == "✗ unit failed 3/3 2✗"


@pytest.mark.parametrize(
    ("long", "cells", "short"),
    [
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefgh", 7, "abc…fgh"),
        ("abcdefgh", 4, "ab…h"),
        ("abcdefgh", 1, "…"),
        ("日本語の名", 6, "日 …名"),
    ],
)
def test_a_long_name_loses_its_middle(long, cells, short):
    assert cut_middle(long, cells) == short


@given(st.text(max_size=30), st.integers(1, 20))
def test_a_cut_name_is_never_wider(name, cells):
    assert cell_len(cut_middle(name, cells)) <= cells


@given(
    st.text(st.characters(categories=["L", "N", "P"]), max_size=30),
    st.sampled_from(STATUSES),
    st.text(max_size=12),
    st.booleans(),
)
def test_the_room_for_a_job_is_enough_for_any_status(name, status, note, ascii):
    width = job_width(min(cell_len(name), 24), 5)
    found = text(*one(status, note, name), width=width, name=24, ascii=ascii)
    assert cell_len(found) <= width
    assert status.replace("_", " ") in found


@given(st.lists(st.sampled_from(STATUSES), min_size=3, max_size=120))
def test_the_room_for_a_fold_is_enough_for_word_counts_and_bar(statuses):
    jobs = [DagJob(id, "unit", "", status) for id, status in enumerate(statuses)]
    width = fold_width(4, len(jobs), 6)
    found = text(Node("unit", "unit", tuple(range(len(jobs)))), *jobs, width=width, name=4, bar=6)
    assert cell_len(found) <= width
    assert found.rstrip("0123456789✗ ").endswith("▏")


def test_no_control_character_gets_through():
    node = fold([DagJob(1, HOSTILE, HOSTILE, "success", HOSTILE)])[0]
    found = text(node, DagJob(1, HOSTILE, HOSTILE, "success", HOSTILE))
    assert "[red]名前" in found
    assert not any(unicodedata.category(char) == "Cc" for char in found)


def test_a_note_without_room_leaves_its_place_to_the_brief_one():
    node, job = one("running", "0:42/~1:10")
    job = replace(job, brief="42 s")
    assert text(node, job) == "● build running 0:42/~1:10"
    assert text(node, job, width=25) == "● build running 42 s"
    assert text(node, job, width=18) == "● build running"
    assert text(node, replace(job, note="")) == "● build running 42 s"


def test_what_is_late_is_marked_so():
    node, job = one("running", "3x slower")
    roles = [role for _, role in spans(node, {1: replace(job, late=True)}, Box(0, 0, 80, 40), False)]
    assert roles[-1] == "late"
