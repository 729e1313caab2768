"""Work on threads aside: one at a time for a key, few threads in all, and nothing that was asked for is left undone."""

import threading

from engine.control.aside import Aside
from tests.engine.fakes import Lab


def test_however_much_waits_there_are_no_more_threads_than_asked_for(lab: Lab) -> None:
    aside, over, begun = Aside(lab.store, most=2), threading.Event(), threading.Semaphore(0)
    done: list[int] = []
    ended = threading.Event()

    def work(number: int) -> None:
        begun.release()
        over.wait(30)
        done.append(number)
        if len(done) == 100:
            ended.set()

    before = set(threading.enumerate())  # of other tests, and some of those may end meanwhile
    for number in range(100):
        aside.go(number, lambda number=number: work(number))  # type: ignore[misc]
    assert begun.acquire(timeout=30) and begun.acquire(timeout=30)
    assert len(set(threading.enumerate()) - before) == 2
    over.set()
    assert ended.wait(30) and sorted(done) == list(range(100))


def test_what_is_asked_for_meanwhile_is_done_once_more_after_it(lab: Lab) -> None:
    aside, begun, go_on, ended = Aside(lab.store), threading.Event(), threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        go_on.wait(30)
        done.append("first")

    def last() -> None:
        done.append("last")
        ended.set()

    aside.go("a", first)
    assert begun.wait(30)
    aside.go("a", lambda: done.append("overtaken"))
    aside.go("a", last)
    go_on.set()
    assert ended.wait(30) and done == ["first", "last"]


def test_work_that_fails_ends_no_other(lab: Lab) -> None:
    aside, ended = Aside(lab.store, most=1), threading.Event()
    aside.go("a", lambda: 1 // 0)
    aside.go("b", ended.set)
    assert ended.wait(30)


def test_what_is_hastened_goes_before_all_that_waits(lab: Lab) -> None:
    aside, go_on, ended = Aside(lab.store, most=1), threading.Event(), threading.Event()
    done: list[int] = []
    aside.go("first", lambda: bool(go_on.wait(30)))  # type: ignore[arg-type]
    for number in range(4):
        aside.go(number, lambda number=number: done.append(number))  # type: ignore[misc]
    aside.hasten(2)
    aside.go("last", ended.set)
    go_on.set()
    assert ended.wait(30) and done == [2, 0, 1, 3]
