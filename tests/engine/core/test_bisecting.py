"""Which commit a search tries next, and that it ends at the culprit."""

from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from engine.core.bisecting import Found, OneOf, Range, Try, Verdict, trials

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP
SHORT = st.integers(1, 40)


def line(length: int) -> Range:
    """c1 … cN, the last of which is bad."""
    return Range(f"c{length}", {f"c{n}": (f"c{n - 1}",) for n in range(1, length + 1)})


@st.composite
def graphs(draw: st.DrawFn) -> tuple[str, dict[str, tuple[str, ...]]]:
    """A history with merges, all of it behind its last commit."""
    count = draw(SHORT)
    parents: dict[str, tuple[str, ...]] = {}
    tips: set[str] = set()
    for number in range(count):
        known = list(parents)
        chosen = draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
        parents[f"c{number}"] = tuple(chosen)
        tips = (tips - set(chosen)) | {f"c{number}"}
    parents["head"] = tuple(sorted(tips))
    return "head", parents


def ancestors(parents: dict[str, tuple[str, ...]], sha: str) -> set[str]:
    found, waiting = set(), [sha]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents[one]
    return found


def search(commits: Range, tell) -> tuple[Found | OneOf, list[str]]:
    """Search to the end; return what came of it, and what was tried."""
    verdicts: dict[str, Verdict] = {}
    while isinstance(step := commits.next(verdicts), Try):
        assert step.sha not in verdicts
        verdicts[step.sha] = tell(step.sha)
    return step, list(verdicts)


@given(st.data())
def test_the_culprit_of_a_line_is_named_in_as_many_trials_as_halving_takes(data):
    length = data.draw(st.integers(1, 300))
    culprit = data.draw(st.integers(1, length))
    found, tried = search(line(length), lambda sha: BAD if int(sha[1:]) >= culprit else GOOD)
    assert found == Found(f"c{culprit}")
    assert len(tried) <= ceil(log2(length))


@given(graphs(), st.data())
def test_the_culprit_of_any_history_is_named(graph, data):
    head, parents = graph
    culprit = data.draw(st.sampled_from(sorted(parents)))
    found, tried = search(Range(head, parents), lambda sha: BAD if culprit in ancestors(parents, sha) else GOOD)
    assert found == Found(culprit)
    assert len(tried) < len(parents) or len(parents) == 1


@given(graphs(), st.data())
def test_where_commits_cannot_be_tried_the_culprit_is_named_or_among_those_that_are_left(graph, data):
    head, parents = graph
    culprit = data.draw(st.sampled_from(sorted(parents)))
    mute = data.draw(st.sets(st.sampled_from(sorted(parents))))

    def tell(sha: str) -> Verdict:
        return SKIP if sha in mute else BAD if culprit in ancestors(parents, sha) else GOOD

    end, _ = search(Range(head, parents), tell)
    if isinstance(end, Found):
        assert end.sha == culprit
    else:
        assert culprit in end.shas and len(end.shas) > 1
        assert set(end.shas[:-1]) <= mute


@given(st.integers(2, 200), st.data())
def test_a_block_that_cannot_be_tried_is_left_behind_quickly(length, data):
    first = data.draw(st.integers(1, length))
    last = data.draw(st.integers(first, min(length, first + length // 3)))
    culprit = data.draw(st.integers(1, length))

    def tell(sha: str) -> Verdict:
        number = int(sha[1:])
        return SKIP if first <= number <= last and number != length else BAD if number >= culprit else GOOD

    end, tried = search(line(length), tell)
    inside = first <= culprit <= last + 1 and first < length
    if isinstance(end, Found):
        assert end.sha == f"c{culprit}"
        assert inside or len([sha for sha in tried if tell(sha) is SKIP]) <= 4 * log2(length) + 4
    else:
        assert inside and f"c{culprit}" in end.shas


@given(graphs(), st.data())
def test_what_is_known_already_spares_trials_and_changes_no_end(graph, data):
    head, parents = graph
    culprit = data.draw(st.sampled_from(sorted(parents)))
    told = {sha: BAD if culprit in ancestors(parents, sha) else GOOD for sha in parents}
    commits = Range(head, parents)
    known = {sha: told[sha] for sha in data.draw(st.sets(st.sampled_from(sorted(parents))))}
    narrow = {sha: told[sha] for sha in commits.that_narrow(known)}
    assert narrow.items() <= known.items()
    assert commits.next(narrow) == commits.next(known) or isinstance(commits.next(known), Try)
    verdicts = dict(narrow)
    while isinstance(step := commits.next(verdicts), Try):
        assert step.sha not in known
        verdicts[step.sha] = told[step.sha]
    assert step == Found(culprit)


def test_a_range_of_one_names_it_at_once():
    assert line(1).next({}) == Found("c1")
    assert trials(1) == 0


def test_the_middle_is_tried_first():
    assert line(9).next({}) == Try("c4", 9)
    assert line(9).next({"c4": BAD}) == Try("c2", 4)
    assert line(9).next({"c4": GOOD}) == Try("c6", 5)


def test_a_fault_that_was_mended_since_is_another_fault():
    assert line(9).next({"c2": BAD, "c5": GOOD}) == Try("c7", 4)
    assert line(9).that_narrow({"c2": BAD, "c5": GOOD}) == ("c5",)


def test_a_good_word_on_the_bad_commit_itself_is_not_heard():
    assert line(4).next({"c4": GOOD}) == line(4).next({})


def test_who_says_that_what_came_before_the_culprit_is_good():
    commits = line(9)
    parents = {f"c{n}": (f"c{n - 1}",) for n in range(1, 10)}
    assert commits.last_good("c5", parents["c5"], {"c4": GOOD, "c5": BAD}) == "c4"
    assert commits.last_good("c1", parents["c1"], {"c1": BAD}) is None
    fork = Range("m", {"a": (), "b": ("a",), "x": ("a",), "m": ("b", "x")})
    assert fork.last_good("x", ("a",), {"b": GOOD}) == "b"


def test_ten_thousand_commits_are_searched():
    found, tried = search(line(10_000), lambda sha: BAD if int(sha[1:]) >= 7_777 else GOOD)
    assert found == Found("c7777") and len(tried) <= 14
