"""What every check returns: a frozen outcome that can say "I could not have failed"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from uploadtrends.errors import InputError
from uploadtrends.result import Call, Result

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["passed", "failed", "not informative", "not applicable"]
STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True, eq=False)
class CheckOutcome(Result):
    """The outcome of one check.

    Parameters
    ----------
    name : str
        The check's public name, such as ``"placebo_dates"``.
    question : str
        What the check asks, as one plain question.
    status : {"passed", "failed", "not informative", "not applicable"}
        *Not informative*: the check ran, but could not have failed with these data. *Not
        applicable*: the data or the design do not allow it to be run.
    table : pandas.DataFrame
        The numbers behind the verdict.
    text : str
        The verdict as one plain sentence.
    figure_data : dict of str to pandas.DataFrame
        What a figure of this check draws, by layer.
    call : Call
        The call that made it.
    kind : str
        Which drawing suits `figure_data`; the check's name unless stated.
    """

    name: str
    question: str
    status: Status
    table: pd.DataFrame
    text: str
    figure_data: Mapping[str, pd.DataFrame]
    call: Call
    kind: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError(
                "unknown status of a check",
                value=self.status,
                fix=f"use one of {', '.join(STATUSES)}",
            )
        if not self.kind:
            object.__setattr__(self, "kind", self.name)

    @property
    def passed(self) -> bool:
        """True only if the check was informative and passed."""
        return self.status == "passed"

    @property
    def informative(self) -> bool:
        """True if the check could have failed."""
        return self.status in ("passed", "failed")

    @property
    def title(self) -> str:
        """What this is, as the caption of its table."""
        return f"{self.name.replace('_', ' ').capitalize()}: {self.status}"

    def to_frame(self) -> pd.DataFrame:
        """Return the table behind the verdict (a copy)."""
        return self.table.copy()

    def summary(self) -> str:
        """Return name, status and the verdict's sentence."""
        return f"{self.name.replace('_', ' ').capitalize()}: {self.status}. {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain JSON-ready values."""
        plain = super().to_dict()
        return plain | {
            "name": self.name,
            "question": self.question,
            "status": self.status,
            "text": self.text,
        }
