"""Calls that block answer, fail, and hold nothing up."""

import asyncio
import threading

import pytest

from app.tui.asking import answer_of


def test_a_call_returns_what_it_returns_and_raises_what_it_raises():
    assert asyncio.run(answer_of(divmod, 7, 2)) == (3, 1)
    assert asyncio.run(answer_of(int, "11", base=2)) == 3
    with pytest.raises(ZeroDivisionError):
        asyncio.run(answer_of(divmod, 7, 0))


def test_a_call_that_never_ends_does_not_keep_the_loop_from_ending():
    never, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def question() -> None:
        begun.set()
        never.wait()
        ended.set()

    async def leave() -> None:
        task = asyncio.ensure_future(answer_of(question))
        await answer_of(begun.wait)
        task.cancel()

    asyncio.run(leave())
    assert not ended.is_set()
    never.set()
    assert ended.wait(10)


def test_calls_are_made_beside_each_other():
    both = threading.Barrier(2, timeout=10)

    async def ask() -> list[int]:
        return sorted(await asyncio.gather(answer_of(both.wait), answer_of(both.wait)))

    assert asyncio.run(ask()) == [0, 1]
