"""Calls that block, made on threads that nobody waits for: a question without an answer never holds the process up."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def answer_of(question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what a call returns, or raise what it raises. Left early, the call goes on, and tells no one."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, problem = None, None
        try:
            result = question(*args, **kwargs)
        except Exception as error:
            problem = error
        with suppress(RuntimeError):  # the loop is closed: the UI has been left meanwhile
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=work, name="question", daemon=True).start()
    return await future
