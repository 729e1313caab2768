"""The order over repositories: what looking at all of them would say, for the price of a few."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.core.turns import SPARE, Entry, Turns, turn_s

REPOS = st.integers(1, 4)
DEEDS = st.lists(st.tuples(st.sampled_from(["push", "pop", "more", "less"]), REPOS, st.integers(0, 90)), max_size=80)


@given(DEEDS)
def test_the_first_is_who_would_be_first_by_a_look_at_all(deeds: list[tuple[str, int, int]]) -> None:
    turns, waiting, running = Turns(), set[tuple[int, Entry]](), Counter[int]()
    for job, (deed, repo, order) in enumerate(deeds):
        if deed == "push":
            entry = (float(order), float(-(order % 3)), job)
            turns.push(repo, entry)
            waiting.add((repo, entry))
        elif deed == "pop":
            found = turns.pop()
            # Of one repository the smallest entry goes first, and of all these whose turn is the smallest.
            heads = [min(entry for at, entry in waiting if at == one) for one in {at for at, _ in waiting}]
            of = {entry: at for at, entry in waiting}
            best = min(heads, key=lambda one: (turn_s(one[0], running[of[one]]), *one[1:]), default=None)
            assert found == (None if best is None else (of[best], best))
            waiting.discard(found)  # type: ignore[arg-type]
        else:
            step = 1 if deed == "more" else -1
            turns.count(repo, step)
            running[repo] = max(0, running[repo] + step)


def test_who_waits_for_ever_beside_jobs_that_come_and_go_takes_no_room() -> None:
    turns = Turns()
    turns.push(1, (1e9, 0.0, 1))
    for _ in range(10_000):
        turns.count(1, 1)
        turns.count(1, -1)
    assert len(turns._heads) <= SPARE + 5


def test_a_turn_costs_the_same_however_many_repositories_wait() -> None:
    def looked_at(repos: int) -> int:
        turns = Turns()
        for repo in range(repos):
            for job in range(3):
                turns.push(repo, (float(repo % 7), 0.0, 3 * repo + job))
        looks = 0
        head = turns._head

        def counted(repo_id: int) -> tuple[float, float, int, int] | None:
            nonlocal looks
            looks += 1
            return head(repo_id)

        turns._head = counted  # type: ignore[method-assign]
        for _ in range(20):
            found = turns.pop()
            assert found is not None
            turns.count(found[0], 1)
        return looks

    assert looked_at(1_000) <= 2 * looked_at(10)
