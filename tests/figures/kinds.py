"""Every kind of figure of the package, from results that are made once; not a test itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import test_result_objects as objects
import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.errors import InputError
from uploadtrends.figures.dispatch import plots
from uploadtrends.simulate import population

EVENT = "2021-06-15"
WITHOUT = {
    "ArtistSensitivity",
    "BaiPerron",
    "CommonChange",
    "Comparison",
    "Convergence",
    "CountPosterior",
    "Exposure",
    "Panel",
    "PenaltyPath",
    "SyntheticShare",
    "Table",
}
"""Kinds of results that no picture shows by themselves."""
CHECKS: tuple[Callable[[Any], Any], ...] = (
    lambda panel: ut.composition(panel=panel, n_bootstrap=19),
    lambda panel: ut.survivorship(panel=panel),
    lambda _: ut.placebo_dates(),
    lambda _: ut.anticipation(n_draws=49),
    lambda _: ut.power(n_draws=49),
    lambda _: ut.multiplicity(n_draws=49),
    lambda _: ut.leave_one_out(),
    lambda _: ut.parallel_trends(n_draws=49),
    lambda _: ut.negative_control(group="all"),
    lambda _: ut.specification_curve(n_draws=19),
)


@cache
def crawl() -> Any:
    people = population(
        120, platforms=("artstation",), start="2018-01-01", end="2022-12-31", seed=3
    )
    return ut.build_panel(people, seniority=ut.Seniority(at="2021-01-01"))


@cache
def fitted() -> Any:
    return ut.interrupted_time_series(crawl(), EVENT, groups=["all", "senior"])


@cache
def published() -> Any:
    totals = {("artstation", name): one for name, one in objects.series().items()}
    return ut.published_series(totals, date="2021-06")


@cache
def results() -> dict[str, Any]:
    """Return a result of every kind, and the outcome of every check, by name."""
    made = {name: make() for name, make in (objects.MADE | objects.BESIDE).items()}
    made["its_crawl"] = fitted()
    made["breaks_crawl"] = ut.change_points(crawl())
    made["monitored"] = ut.monitor(crawl(), "2021-06")
    for check in CHECKS:
        outcome = fitted().check(check(crawl()))
        made[f"check_{outcome.name}"] = outcome
    return made


@cache
def english(width: float) -> list[tuple[str, Any]]:
    """Return every figure with its name, drawn once; for tests that only look."""
    return list(every(width))


def every(width: float) -> Iterator[tuple[str, Any]]:
    """Yield every figure with its name, in the style in force."""
    for name, result in results().items():
        try:
            yield from plots(name, result, width=width).items()
        except InputError as error:
            if name not in WITHOUT:
                raise AssertionError(name) from error
    panel, its = crawl(), fitted()
    yield "published", figures.plot(published(), width=width)
    yield "panel", figures.plot_panel(panel, width=width)
    yield "diagnostics", figures.plot_diagnostics(its.fits[0], width=width)
    yield "ai_share", figures.ai_share(panel, groups=["senior", "new"], width=width)
    yield "delisted", figures.delisted(panel, width=width)
