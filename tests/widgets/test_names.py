"""Names in few cells can still be told apart."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from widgets.names import cut_middle, told_apart

MATRIX = [f"unit ({py}, debian-{os}-slim)" for py in ("3.9", "3.10", "3.11") for os in ("bookworm", "trixie")]


def test_what_fits_stays_and_what_stands_alone_is_cut_in_its_middle():
    assert told_apart(["lint", "publish to the registry"], 11) == {
        "lint": "lint",
        "publish to the registry": cut_middle("publish to the registry", 11),
    }
    assert cut_middle("publish to the registry", 11) == "publi…istry"
    assert cut_middle("publish to the registry", 11, ascii=True) == "publi~istry"


def test_jobs_of_a_matrix_leave_out_what_they_share():
    short = told_apart(MATRIX, 13)
    assert short["unit (3.9, debian-bookworm-slim)"] == "…3.9, …kworm…"
    assert len(set(short.values())) == len(MATRIX)
    assert told_apart(MATRIX, 24)["unit (3.9, debian-bookworm-slim)"] == "unit (3.9, d…kworm-slim)"
    assert len(set(told_apart(MATRIX, 11, ascii=True).values())) == len(MATRIX)


@given(st.lists(st.text(max_size=30)), st.integers(1, 40))
def test_no_name_becomes_wider_than_its_cells(names, cells):
    short = told_apart(names, cells)
    assert set(short) == set(names)
    assert all(cell_len(text) <= cells for text in short.values())
