"""What a check is, and the one list of them.

A check is a frozen dataclass: its fields are its settings, its class says what it asks, what it
applies to, how it weighs on the conclusion, and how it is drawn. `ut`, study files, the command
line, the wording of conclusions, the figures and the API page read them from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import Parameter, Signature, signature
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from uploadtrends.checks.outcome import CheckOutcome, Status
from uploadtrends.errors import InputError
from uploadtrends.limits import inside, whole_number
from uploadtrends.result import Call
from uploadtrends.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

GROUP = "uploadtrends.checks"


@dataclass(frozen=True, slots=True)
class Weight:
    """How a check bears on what may be said about an estimate.

    Parameters
    ----------
    if_failed : {"withdraws", "caps"}
        A failure withdraws every claim, or leaves a dated change that nothing ties to the event.
    because : str
        Why, as part of a sentence.
    needed_for : {"associated with", "consistent with an effect of"}, optional
        The rung of the ladder that is reached only where this check was informative and passed.
    about : {"every estimate", "trends of cohorts"}
        Which estimates it can withdraw.
    rank : int
        Place among the reasons, the weightiest first.
    """

    if_failed: Literal["withdraws", "caps"]
    because: str
    needed_for: Literal["associated with", "consistent with an effect of"] | None = None
    about: Literal["every estimate", "trends of cohorts"] = "every estimate"
    rank: int = 100


@dataclass(frozen=True, slots=True)
class Sketch:
    """How the outcome of a check is drawn; nothing here knows the room of the figures.

    Parameters
    ----------
    layer : str
        Of `CheckOutcome.figure_data`: what is drawn.
    draw : callable
        ``draw(axes, style, rows, outcome)`` draws the rows of one panel. `style` has the colours
        (``look(platform)``, ``INK``, ``MUTED``) and axes of the package's figures.
    says : str
        What the reader sees, as a sentence; the outcome's own follows it.
    by : tuple of str, optional
        Columns beside platform and group that make a panel of their own; None: one panel holds
        all rows.
    below : str, or callable that makes it of the outcome
        What stands under the last panels.
    legend : {"", "row", "column"}
        None, one above the panels, or one with a line for every event.
    rows : callable, optional
        Returns the rows from an outcome, where they are not those of `layer`.
    """

    layer: str
    draw: Callable[[Axes, Any, pd.DataFrame, CheckOutcome], None]
    says: str
    by: tuple[str, ...] | None = ()
    below: str | Callable[[CheckOutcome], str] = ""
    legend: Literal["", "row", "column"] = ""
    rows: Callable[[CheckOutcome], pd.DataFrame] | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A drawing that is more than small multiples.

    Parameters
    ----------
    draw : callable
        ``draw(style, outcome)`` makes a figure with `style` (``figure``, ``grid``, ``place``,
        ``multiples``, ``legend``, ``look``, ...) and returns it with data, caption, alternative.
    title : str
        What the figure shows, in a few words.
    """

    draw: Callable[..., Any]
    title: str


class Check:
    """Base of every check: ``result.check(check)``, or ``check(result)``.

    A subclass is a frozen dataclass with the class attributes below and a method `run`. A class
    that has a `name` is on the list as soon as its module is imported; another package names its
    module in an entry point of the group ``uploadtrends.checks``.

    Attributes
    ----------
    name : str
        Public name, such as ``"placebo_dates"``: of ``ut.<name>`` and ``[checks.<name>]``.
    question : str
        What the check asks, as one plain question.
    applies_to : {"models", "panel"}
        Whether it is run on fitted models (which know their panel) or on a panel.
    weight : Weight, optional
        How it bears on the conclusion; None: it informs only.
    drawing : Sketch or Whole, optional
    """

    name: ClassVar[str] = ""
    question: ClassVar[str] = ""
    applies_to: ClassVar[Literal["models", "panel"]] = "models"
    weight: ClassVar[Weight | None] = None
    drawing: ClassVar[Sketch | Whole | None] = None
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            _KNOWN[cls.name] = cls

    def __post_init__(self) -> None:
        """Refuse draws, levels and seeds that cannot be; a class with limits of its own adds them.

        A check whose level is 95 would pass whatever the data hold.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _LEAST:
                self._settle(**{item.name: whole_number(item.name, value, _LEAST[item.name])})
            elif item.name == "alpha":
                inside("alpha", value, fix="use .05")

    def run(self, target: Any) -> CheckOutcome:
        """Return the outcome for fitted models or a panel."""
        raise TypeError(f"{type(self).__name__} must define run()")

    def __call__(self, target: Any) -> CheckOutcome:
        """Run the check on a result, its small products on one thread, and return its outcome."""
        return one_thread(self.run)(target)

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{self.name}({settings})"

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings of this check."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def found(
        self,
        target: Any,
        status: Status,
        table: pd.DataFrame,
        text: str,
        figure_data: Mapping[str, pd.DataFrame],
    ) -> CheckOutcome:
        """Return an outcome under this check's name, with the record of this call."""
        call = Call.of(self, target, function=self.name)
        return CheckOutcome(self.name, self.question, status, table, text, figure_data, call)

    def _settle(self, **values: Any) -> None:
        """Write settings in the one form that is recorded (for ``__post_init__``)."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


_LEAST = {"seed": 0, "n_draws": 1, "n_bootstrap": 0, "leads": 1, "months": 1, "keep": 1, "n": 1}
"""Whole numbers that settings of these names are at least."""

_KNOWN: dict[str, type[Check]] = {}
_AT_ONCE: dict[type[Check], Callable[..., Any]] = {}


def check_names() -> tuple[str, ...]:
    """Return the names of all checks, in alphabetical order."""
    _import_all()
    return tuple(sorted(_KNOWN))


def check_class(name: str) -> type[Check]:
    """Return a check's class.

    Raises
    ------
    InputError
        If there is no check of this name.
    """
    _import_all()
    if name not in _KNOWN:
        raise InputError("no such check", value=name, fix=f"one of {', '.join(sorted(_KNOWN))}")
    return _KNOWN[name]


def check_maker(name: str) -> Callable[..., Any]:
    """Return what the public name stands for: the class, or a function that runs it at once."""
    found = check_class(name)
    return _AT_ONCE.get(found, found)


def weights(if_failed: str | None = None) -> dict[str, Weight]:
    """Return the weights of all checks that have one, the weightiest first."""
    known = {name: check_class(name).weight for name in check_names()}
    kept = [
        (weight.rank, name, weight)
        for name, weight in known.items()
        if weight is not None and if_failed in (None, weight.if_failed)
    ]
    return {name: weight for _, name, weight in sorted(kept, key=lambda one: one[:2])}


def at_once(check: type[Check], *first: str) -> Callable[..., Any]:
    """Return a function that makes a check and, given something to run it on, runs it.

    Parameters
    ----------
    check : type
        The check's class; the function has its name, settings and docstring.
    *first : str
        Settings that may follow the target without being named.
    """
    settings = signature(check).parameters

    def make(panel: Any = None, *given: Any, **named: Any) -> Any:
        made = check(**dict(zip(first, given, strict=False)), **named)
        return made if panel is None else made(panel)

    make.__name__ = make.__qualname__ = check.name
    make.__doc__ = check.__doc__
    make.__module__ = check.__module__
    target = Parameter("panel", Parameter.POSITIONAL_OR_KEYWORD, default=None)
    positional = [settings[name].replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for name in first]
    rest = [
        one.replace(kind=Parameter.KEYWORD_ONLY)
        for name, one in settings.items()
        if name not in first
    ]
    make.__signature__ = Signature([target, *positional, *rest])  # type: ignore[attr-defined]
    _AT_ONCE[check] = make
    return make


@cache
def _import_all() -> None:
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    for entry in entry_points(group=GROUP):
        entry.load()
