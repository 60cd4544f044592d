"""Who counts as senior: a rule that is a value, so that it can be shifted and compared."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from uploadtrends.errors import InputError

UNKNOWN = "unknown"
LEFT_CENSORED = "left-censored"

Basis = Literal["first_upload", "joined"]
Later = Literal["separate", "new", "drop"]
Censored = Literal["exclude", "separate", "senior", "as_seen"]

_LENGTH = re.compile(r"^\s*([+-]?\d+)\s*(day|week|month|year)s?\s*$")
CAVEAT = (
    "Groups by tenure at the period change members as artists age: age, period and cohort cannot "
    "be told apart by this grouping (period = cohort + age)."
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A signed length of calendar time, in months and days."""

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read "24 months", "2 years", "26 weeks" or "-90 days".

        Raises
        ------
        InputError
            For anything else.
        """
        found = _LENGTH.match(text) if isinstance(text, str) else None
        if found is None:
            raise InputError("not a length of time", value=text, fix="write '24 months'")
        number, unit = int(found[1]), found[2]
        if unit in ("month", "year"):
            return cls(months=number * (12 if unit == "year" else 1))
        return cls(days=number * (7 if unit == "week" else 1))

    def after(self, date: dt.datetime) -> dt.datetime:
        """Return the date moved by this length; a day that its month lacks becomes its last."""
        month = date.year * 12 + date.month - 1 + self.months
        year, month = divmod(month, 12)
        following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
        last = (following - dt.timedelta(days=1)).day
        moved = date.replace(year=year, month=month + 1, day=min(date.day, last))
        return moved + dt.timedelta(days=self.days)

    def before(self, date: dt.datetime) -> dt.datetime:
        """Return the date moved back by this length."""
        return Duration(-self.months, -self.days).after(date)

    @property
    def approximate_days(self) -> float:
        """Length in days, a month taken as 30.4 of them."""
        return self.months * 30.436875 + self.days


@dataclass(frozen=True)
class Seniority:
    """Sort artists into groups by how long they had been there on a given day.

    Parameters
    ----------
    at : str, datetime.date or "period"
        The day on which tenure is measured. ``"period"`` measures it anew at the start of every
        period (then artists move between groups; see `caveat`).
    basis : {"first_upload", "joined"}
        Since when: the first upload seen, or the date of joining where the platform gives one
        (artists without one form the group "unknown").
    senior_after : str
        Tenure at `at` from which an artist is "senior"; shorter is "new".
    later : {"separate", "new", "drop"}
        Those who enter on `at` or after it: their own group "later", counted as "new" (the
        recipe that arXiv 2406.08739 appears to use), or left out.
    bands : sequence of str, optional
        Cut points in place of `senior_after`, for three or more groups: ``("12 months",
        "36 months")`` gives "under 12 months", "12 to 36 months", "36 months or more".
    left_censored : {"exclude", "separate", "senior", "as_seen"}
        Artists whose early history is cut off, so that the first upload *seen* is not the first.
        Those who are in the most senior group even so stay in it. The others are left out, form
        a group of their own, or are bounded: all taken as most senior, or all as seen.

    See Also
    --------
    build_panel : Takes a rule as ``seniority=``.

    Examples
    --------
    >>> rule = Seniority(at="2022-01-01", senior_after="24 months")
    >>> rule.shifted("-12 months").at
    '2021-01-01'
    """

    at: str | dt.date
    basis: Basis = "first_upload"
    senior_after: str = "24 months"
    later: Later = "separate"
    bands: tuple[str, ...] | None = None
    left_censored: Censored = "exclude"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("basis", self.basis, ("first_upload", "joined")),
            ("later", self.later, ("separate", "new", "drop")),
            ("left_censored", self.left_censored, ("exclude", "separate", "senior", "as_seen")),
        ):
            if value not in allowed:
                raise InputError(
                    "unknown setting of Seniority",
                    column=name,
                    value=value,
                    fix="one of " + ", ".join(map(repr, allowed)),
                )
        if self.at != "period":
            object.__setattr__(self, "at", _iso(self.at))
        if self.bands is not None:
            object.__setattr__(self, "bands", tuple(self.bands))
        cuts = self._cuts()
        sizes = [cut.approximate_days for cut in cuts]
        if sizes != sorted(set(sizes)) or sizes[0] < 0 or (self.bands and sizes[0] == 0):
            raise InputError(
                "cut points of tenure must grow, from above zero",
                column="bands" if self.bands else "senior_after",
                value=list(self.bands) if self.bands else self.senior_after,
            )
        if self.bands is not None and self.later == "new":
            raise InputError(
                "with bands there is no group 'new' to count later artists in",
                column="later",
                value="new",
                fix="use later='separate' or 'drop'",
            )

    @classmethod
    def paper(cls, at: str | dt.date) -> Seniority:
        """Return the apparent recipe of arXiv 2406.08739 (the definition is unpublished).

        Senior: there a year or more before the cut. New: everybody else, those who enter after
        the cut included.
        """
        return cls(at=at, senior_after="12 months", later="new")

    @property
    def by_period(self) -> bool:
        """True if tenure is measured anew in every period."""
        return self.at == "period"

    @property
    def caveat(self) -> str:
        """What to keep in mind when reading results by this rule; empty if nothing."""
        return CAVEAT if self.by_period else ""

    @property
    def moment(self) -> dt.datetime:
        """The day of the rule as a naive datetime."""
        return dt.datetime.fromisoformat(str(self.at))

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups that the rule can give, from the newest to the most senior."""
        names = list(self._names())
        if self.later == "separate" and not self.by_period:
            names.insert(0, "later")
        if self.left_censored == "separate":
            names.append(LEFT_CENSORED)
        return (*names, *((UNKNOWN,) if self.basis == "joined" else ()))

    def shifted(self, by: str) -> Seniority:
        """Return the same rule at another time: ``rule.shifted("-12 months")``."""
        if self.by_period:
            raise InputError("a rule with at='period' has no date to shift", fix="give a date")
        return replace(self, at=Duration.parse(by).after(self.moment).date().isoformat())

    def closes(self, group: str) -> dt.datetime | None:
        """Return the day from which nobody can enter a group any more; None if it stays open.

        Until then a cohort that is sorted on one day still fills: artists join it, none can be
        lost that had not come, and a course of its totals is one of its growth.
        """
        names = self._names()
        if self.by_period or group not in names or (self.later == "new" and group == "new"):
            return None
        moments = [self.moment, *self.thresholds(self.moment)]
        return moments[names.index(group)]

    def is_senior(self, group: str) -> bool:
        """Tell whether a group is one of tenure above the lowest cut."""
        return group in self._names()[1:]

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as plain JSON-ready values."""
        plain = asdict(self)
        return plain | {"bands": None if self.bands is None else list(self.bands)}

    def thresholds(self, at: dt.datetime) -> list[dt.datetime]:
        """Return the latest entry of each higher group at `at`, lowest cut first."""
        return [cut.before(at) for cut in self._cuts()]

    def sql(self, entered: str, censored: str, at: str, thresholds: list[str]) -> str:
        """Return the rule as a portable SQL expression; NULL means left out.

        Parameters
        ----------
        entered, censored : str
            SQL for the moment of entry and for "the history is cut off".
        at : str
            SQL for the moment that the rule looks from.
        thresholds : list of str
            SQL for the moments of `thresholds`, in the same order.
        """
        names = self._names()
        arms = [f"WHEN {entered} IS NULL THEN '{UNKNOWN}'"]
        top = f"{entered} <= {thresholds[-1]}"
        if self.left_censored != "as_seen":
            fate = {"exclude": "NULL", "separate": f"'{LEFT_CENSORED}'"}.get(
                self.left_censored, f"'{names[-1]}'"
            )
            arms.append(f"WHEN {censored} AND NOT {top} THEN {fate}")
        if not self.by_period:
            # With "period", a first upload inside the period is tenure zero: the lowest group.
            late = {"separate": "'later'", "new": "'new'", "drop": "NULL"}[self.later]
            arms.append(f"WHEN {entered} >= {at} THEN {late}")
        arms += [
            f"WHEN {entered} <= {threshold} THEN '{name}'"
            for name, threshold in zip(names[:0:-1], thresholds[::-1], strict=True)
        ]
        return f"CASE {' '.join(arms)} ELSE '{names[0]}' END"

    def _cuts(self) -> list[Duration]:
        texts = self.bands if self.bands else (self.senior_after,)
        return [Duration.parse(text) for text in texts]

    def _names(self) -> tuple[str, ...]:
        if not self.bands:
            return ("new", "senior")
        numbers = [text.split()[0] for text in self.bands]
        between = [
            f"{low} to {high}" for low, high in zip(numbers[:-1], self.bands[1:], strict=True)
        ]
        same = len({text.split()[1].rstrip("s") for text in self.bands}) == 1
        if not same:
            between = [
                f"{low} to {high}"
                for low, high in zip(self.bands[:-1], self.bands[1:], strict=True)
            ]
        return (f"under {self.bands[0]}", *between, f"{self.bands[-1]} or more")


def _iso(at: str | dt.date) -> str:
    try:
        moment = at if isinstance(at, dt.date) else dt.date.fromisoformat(_full(at))
    except (ValueError, TypeError) as error:
        raise InputError(
            "not a date", column="at", value=at, fix="write '2022-01-01', or 'period'"
        ) from error
    return dt.date(moment.year, moment.month, moment.day).isoformat()


def _full(text: str) -> str:
    return f"{text}-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text
