"""Every fault that is provided for, what is promised, and what holds it. `docs/faults.md` is printed from here."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fault:
    """`tests` are the names of those that hold the promise, wherever they lie."""

    what: str
    promise: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "kill -9 of the engine, before or after any write of a status",
        "All ends as it would have, in the same attempts: each step did what it does once, no log lacks or doubles a "
        "line, an event makes its runs once, and no process, container or folder is left.",
        (
            "test_no_kill_has_a_step_in_a_container_run_twice_or_leaves_the_container",
            "test_a_kill_before_or_after_any_write_of_a_status_changes_no_end",
            "test_every_row_of_the_tables_is_come_to",
        ),
    ),
    Fault(
        "kill -9 while files are written: artifacts, caches, snapshots, logs, mirrors",
        "Each is there as a whole or not at all; what is half done goes at the next start.",
        (
            "test_an_upload_is_there_as_a_whole_or_not_at_all",
            "test_a_kill_at_any_moment_leaves_an_index_that_goes_on",
            "test_a_kill_in_the_middle_leaves_a_whole_mirror_and_no_litter",
        ),
    ),
    Fault(
        "kill -9 while events are planned, or a forge is told",
        "An event is planned once; a forge may hear the last word twice.",
        (
            "test_a_kill_neither_loses_an_event_nor_plans_it_twice",
            "test_a_kill_between_saying_and_noting_says_it_once_more_at_most",
        ),
    ),
    Fault(
        "dockerd restarted or killed under running jobs",
        "With `live-restore` they go on, with nothing of their logs missing, and a wish to cancel is kept. Without it "
        "each becomes a new attempt, which costs no retry. Nothing runs twice at once.",
        ("test_a_restart_of_dockerd_loses_no_job_and_runs_none_twice",),
    ),
    Fault(
        "an engine started while dockerd is away from under running jobs",
        "They stay running and say what they wait for, ten minutes at most; when dockerd is back each is taken up "
        "where it is. Meanwhile deadlines hold and a cancel ends the job; its container goes once dockerd is back.",
        (
            "test_an_engine_started_while_dockerd_is_away_takes_its_jobs_up_once_it_is_back",
            "test_a_deadline_holds_while_dockerd_is_away_and_the_box_goes_when_it_is_back",
        ),
    ),
    Fault(
        "no dockerd",
        "A job that needs it fails and says so.",
        ("test_without_a_dockerd_a_job_says_so",),
    ),
    Fault(
        "an image removed while it is used, or before a job starts",
        "What runs goes on; what begins names the image.",
        ("test_an_image_that_vanishes_is_not_missed_by_what_runs_and_named_by_what_begins",),
    ),
    Fault(
        "a step that ignores TERM, on this machine or in a container",
        "It is killed after the grace period, with all that it started.",
        (
            "test_a_step_deaf_to_term_is_killed_after_the_grace_period",
            "test_a_step_deaf_to_term_is_killed_after_the_grace",
        ),
    ),
    Fault(
        "the disk is full",
        "A write is refused as a whole, jobs wait or say why they ended, and all goes on once there is room.",
        (
            "test_a_job_that_fills_the_disk_ends_with_that_reason_and_the_engine_goes_on",
            "test_a_log_keeps_what_it_has_and_goes_on",
            "test_the_database_refuses_a_write_as_a_whole_and_takes_it_later",
        ),
    ),
    Fault(
        "a disk that takes no writes for a while: it is read-only, or fails",
        "What is asked for is refused with the reason. The log says it once, and once when it is over. A job that "
        "could not note what it did meanwhile begins again, as a new attempt that costs no retry.",
        (
            "test_a_disk_that_takes_no_writes_for_a_while_is_told_once_and_loses_no_job",
            "test_a_fault_that_lasts_is_told_once_however_often_and_wherever_it_is_met",
        ),
    ),
    Fault(
        "an artifact's manifest that is damaged",
        "That artifact is shown as damaged, with what to do about it; every other is listed and given as ever. No "
        "content is removed from the disk before it is put right.",
        (
            "test_one_that_is_damaged_says_so_and_the_rest_is_there",
            "test_one_that_is_damaged_can_be_replaced_and_removed",
            "test_a_reference_that_cannot_be_read_stops_the_sweep",
        ),
    ),
    Fault(
        "any other file of a home that is emptied, garbled, gone, a folder or a link to nowhere",
        "Whoever needs it says so, with its place; everybody else does as ever. Caches, checkouts, mirrors, indexes, "
        "locks and sockets are made again; what a mirror held is kept beside it.",
        (
            "test_what_is_damaged_is_told_by_who_needs_it_and_by_nobody_else",
            "test_one_that_is_damaged_is_fetched_anew_and_what_it_held_is_kept_aside",
            "test_one_that_is_damaged_stops_no_sweep_and_goes",
        ),
    ),
    Fault(
        "the database is emptied, damaged or gone",
        "Nothing runs, and nothing is swept: every command names it and how a new home is made of a snapshot.",
        ("test_no_engine_begins_anew_beside_what_a_lost_database_told_of",),
    ),
    Fault(
        "the key to the secrets is lost or damaged",
        "What needs a secret waits or fails with the reason; events wait until the key is back or the secrets are set "
        "anew.",
        (
            "test_a_key_that_is_lost_or_damaged_is_named_with_the_way_out",
            "test_an_event_waits_for_a_lost_key_and_says_so",
        ),
    ),
    Fault(
        "the clock is set forward or back, or the machine sleeps",
        "No job that runs is lost; each has its whole time and no more, to run and to clean up once it is cancelled; "
        "no retry, event or letter waits longer.",
        (
            "test_a_cancelled_job_keeps_the_time_that_it_has_to_clean_up",
            "test_a_clock_that_is_set_and_a_locked_database_cost_no_job_anything",
            "test_no_job_that_runs_is_lost_or_ends_sooner_or_later",
            "test_a_retry_waits_no_longer_than_it_was_to",
        ),
    ),
    Fault(
        "another process locks the database for half a minute",
        "Jobs go on and what they did is written afterwards; nothing is taken for silent.",
        (
            "test_a_clock_that_is_set_and_a_locked_database_cost_no_job_anything",
            "test_a_lock_held_too_long_is_store_busy",
        ),
    ),
    Fault(
        "a forge that answers 500, never answers or hangs up; a repository that vanishes; a sender that dawdles",
        "Its events wait and say why; no other repository waits for them, and the engine stops when told.",
        ("test_no_forge_holds_up_another_repository_and_each_says_what_is_wrong",),
    ),
    Fault(
        "a forge or webhook that refuses what it is told, or does not answer",
        "Nobody waits for it. `treadle doctor`, `treadle repo list` and the UI say who has not heard of which "
        "repository's results, and why, until it hears again.",
        (
            "test_what_a_receiver_has_not_heard_is_told_until_it_hears_again",
            "test_a_forge_that_has_not_heard_of_a_result_is_named_with_the_reason",
            "test_a_dead_forge_keeps_no_other_waiting",
        ),
    ),
    Fault(
        "a registry that stalls",
        "The pull goes on for its own time; a job that is cancelled meanwhile ends within seconds.",
        ("test_a_registry_that_stalls_keeps_no_job_that_is_to_end",),
    ),
    Fault(
        "several engines started for one home at once",
        "One gets it; the others say which process has it.",
        ("test_of_engines_that_race_for_a_home_one_gets_it_and_the_others_say_whose_it_is",),
    ),
    Fault(
        "sockets, pipes and folders where files belong",
        "They stop nothing.",
        ("test_what_lies_where_sockets_pipes_and_logs_belong_stops_no_engine",),
    ),
    Fault(
        "a treadle.yml that becomes unreadable while the engine runs",
        "Nothing changes, and the fault is told.",
        ("test_settings_that_cannot_be_read_change_nothing_and_are_told",),
    ),
    Fault(
        "a home that cannot be written",
        "The engine does not start, and names the home.",
        ("test_a_home_that_cannot_be_written_is_named",),
    ),
)


def page() -> str:
    """Return docs/faults.md."""
    lines = [
        "# Faults",
        "",
        "What may go wrong around Treadle, what it promises then, and the tests that hold it to that. Printed from",
        "`tests/faults/table.py` by `python -m tests.faults.table`.",
        "",
        "| fault | promise | held by |",
        "|---|---|---|",
    ]
    for fault in FAULTS:
        laws = "<br>".join(test.removeprefix("test_").replace("_", " ") for test in fault.tests)
        lines.append(f"| {fault.what} | {fault.promise} | {laws} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    (ROOT / "docs" / "faults.md").write_text(page())
