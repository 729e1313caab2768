"""The state machine: what its tables promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import IllegalTransition
from engine.core.states import (
    JOB_ACTIVE,
    JOB_FINAL,
    RUN_FINAL,
    TABLES,
    AttemptStatus,
    BisectStatus,
    JobStatus,
    RunStatus,
    StepStatus,
    next_status,
    result_word,
)

STATUSES = {
    "run": RunStatus, "job": JobStatus, "attempt": AttemptStatus, "step": StepStatus, "bisect": BisectStatus,
}  # fmt: skip
FINAL = {
    "run": RUN_FINAL,
    "job": JOB_FINAL,
    "attempt": set(AttemptStatus) - {AttemptStatus.RUNNING},
    "step": set(StepStatus) - {StepStatus.PENDING, StepStatus.RUNNING},
    "bisect": set(BisectStatus) - {BisectStatus.RUNNING},
}
RETRIES = {"retry_asked", "retry_waits", "need_retried"}
nouns = st.sampled_from(sorted(TABLES))


@pytest.mark.parametrize("noun", TABLES)
def test_every_table_leads_from_statuses_to_statuses_of_its_noun(noun):
    for (before, cause), after in TABLES[noun].items():
        assert type(before) is type(after) is STATUSES[noun]
        assert cause.islower()


@pytest.mark.parametrize("noun", TABLES)
def test_a_final_state_has_no_way_out_but_a_retry(noun):
    out = {cause for (before, cause) in TABLES[noun] if before in FINAL[noun]}
    assert out <= RETRIES


@pytest.mark.parametrize("noun", TABLES)
def test_an_unfinished_state_can_always_end(noun):
    table = TABLES[noun]
    for status in set(STATUSES[noun]) - set(FINAL[noun]):
        reached, frontier = set(), {status}
        while frontier:
            reached |= frontier
            frontier = {after for (before, _), after in table.items() if before in frontier} - reached
        assert reached & set(FINAL[noun])


@pytest.mark.parametrize("noun", TABLES)
def test_whatever_has_not_ended_can_be_cancelled(noun):
    for status in set(STATUSES[noun]) - set(FINAL[noun]):
        assert next_status(noun, status, "cancelled") == "cancelled"


@given(nouns, st.sampled_from(sorted({str(s) for table in STATUSES.values() for s in table})), st.text(max_size=20))
def test_what_the_table_does_not_know_raises_and_names_both_sides(noun, status, cause):
    if (status, cause) in TABLES[noun]:
        return
    with pytest.raises(IllegalTransition, match=status):
        next_status(noun, status, cause)


@given(st.data())
def test_any_walk_through_a_table_ends_or_can_go_on(data):
    noun = data.draw(nouns)
    status = data.draw(st.sampled_from(sorted(STATUSES[noun])))
    for _ in range(20):
        causes = sorted(cause for (before, cause) in TABLES[noun] if before == status)
        if not causes:
            assert status in FINAL[noun]
            return
        status = next_status(noun, status, data.draw(st.sampled_from(causes)))
        assert status in set(STATUSES[noun])


def test_final_and_active_states_of_a_job_do_not_overlap():
    assert not JOB_FINAL & JOB_ACTIVE
    assert set(JobStatus) == JOB_FINAL | JOB_ACTIVE | {JobStatus.PENDING, JobStatus.BLOCKED}


@pytest.mark.parametrize(("status", "word"), [("failed", "failure"), ("timed_out", "failure"), ("success", "success"),
                                              ("cancelled", "cancelled"), ("skipped", "skipped")])  # fmt: skip
def test_githubs_contexts_know_one_word_for_failed_and_timed_out(status, word):
    assert result_word(status) == word
