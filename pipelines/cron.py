"""The five fields of `schedule: cron`, as GitHub takes them: no seconds, no `@daily`, no `L`, `#` or `?`.

Pure: the time is an argument. Written here, in a screen, because the libraries take much more than GitHub does.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pipelines.records import dataclass

MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
HORIZON_DAYS = 8 * 366 + 1  # 29 February may stay away for eight years (1896 to 1904, 2096 to 2104)


class CronError(ValueError):
    """A schedule that cannot be read; the message is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule, as the sets of what each field allows. Weekdays count from Sunday, 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, at: datetime, tz: tzinfo = UTC) -> datetime | None:
        """Return the first instant after `at` (aware), in UTC, or None for a date that never comes (31 February).

        The fields are read on the clocks of `tz`: a time that a clock skips fires right after the skip, and of an
        hour that it repeats only the first pass fires.
        """
        start = at.astimezone(tz).replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=1)
        times = [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        for offset in range(HORIZON_DAYS):
            day = start.date() + timedelta(days=offset)
            if not self._allows(day):
                continue
            for moment in times:
                wall = datetime.combine(day, moment)
                instant = wall.replace(tzinfo=tz).astimezone(UTC)
                if wall >= start and instant > at:
                    return instant
        return None

    def _allows(self, day: date) -> bool:
        """Return whether the schedule fires on `day`: either of day and weekday will do, if the file sets both."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if len(self.days) == 31 or len(self.weekdays) == 7:
            return of_month and of_week
        return of_month or of_week


def parse(text: str) -> Cron:
    """Return the schedule that `text` spells. Raises CronError."""
    fields = text.split()
    if len(fields) != 5:
        raise CronError(
            f"a schedule has five fields (minute, hour, day, month, weekday), but {text!r} has {len(fields)}"
        )
    return Cron(
        minutes=_values("minute", fields[0], 0, 59),
        hours=_values("hour", fields[1], 0, 23),
        days=_values("day of the month", fields[2], 1, 31),
        months=_values("month", fields[3], 1, 12, MONTHS),
        weekdays=_values("day of the week", fields[4], 0, 6, WEEKDAYS),
    )


def _values(field: str, text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """Return what a field allows: a list of `*`, `N`, `N-M`, each with `/STEP`; `N/STEP` goes on to the end."""

    def number(word: str) -> int:
        value = (names or {}).get(word.lower(), int(word) if word.isascii() and word.isdigit() else -1)
        if not low <= value <= high:
            raise CronError(f"{word or text!r} is no {field} from {low} to {high}, in the schedule's field {text!r}")
        return value

    found: set[int] = set()
    for part in text.split(","):
        span, stepped, step_text = part.partition("/")
        first, ranged, last = span.partition("-")
        start = low if span == "*" else number(first)
        end = number(last) if ranged else high if stepped or span == "*" else start
        if end < start:
            raise CronError(f"the range {span!r} runs backwards, in the schedule's field {text!r}")
        if stepped and not (step_text.isascii() and step_text.isdigit() and 1 <= int(step_text) <= high):
            raise CronError(f"{step_text!r} is no step from 1 to {high}, in the schedule's field {text!r}")
        found.update(range(start, end + 1, int(step_text) if stepped else 1))
    return frozenset(found)
