"""Errors of the engine's own making. A step that fails is no error but an outcome."""

import errno


class EngineError(Exception):
    """Something is wrong on our side of the line; the message is a sentence for a person, `fix` what to try next."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.fix}".strip()


class NotThere(EngineError):
    """What somebody named is not there: no repository, no snapshot of that name."""


class IllegalTransition(EngineError):
    """A cause that the transition table does not know for this status."""


class LeaseLost(EngineError):
    """The attempt belongs to somebody else by now; whoever sees this stops its box and writes nothing."""


class StoreBusy(EngineError):
    """Another process kept the database's write lock longer than the busy timeout."""


class DiskFull(StoreBusy):
    """There is no room on the disk for what was to be written. Nothing of it was; it may be tried again."""


class Unwritable(StoreBusy):
    """The disk takes no writes at all: it is read-only, or fails. Nothing was written; it may be tried again."""


class ExecutorUnavailable(EngineError):
    """No engine, no image or no label to run a job on: a person has to act, a retry will not help."""


class NoEngine(EngineError):
    """No engine answers where one was expected, or it went away in the middle of an answer."""


class SettingsError(EngineError):
    """The configuration cannot be used: names the file, the key and the nearest known one."""


class GitError(EngineError):
    """A repository that is not there, a revision that it lacks, an object that cannot be read."""


def is_full(error: BaseException) -> bool:
    """Does an error mean that a disk, or the user's share of it, is full?"""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, DiskFull)
