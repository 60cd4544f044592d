"""Commands about change: monitor (new periods) and structural-breaks (tests of econometrics)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.analysis import draw, given
from uploadtrends.cli.options import (
    AsJson,
    Data,
    Figure,
    Further,
    Groups,
    OutFile,
    PanelOptions,
    Unit,
    command,
    further_settings,
)
from uploadtrends.cli.show import CHECK_FAILED, show_result
from uploadtrends.cli.write import require_suffix
from uploadtrends.errors import InputError


@command
def monitor(
    data: Annotated[
        Path, typer.Argument(help="A study (TOML), a store (.duckdb), or a CSV with dates first.")
    ],
    options: PanelOptions,
    first: Annotated[
        str | None, typer.Option("--from", help="First period to watch; before it is history.")
    ] = None,
    groups: Groups = None,
    further: Further = None,
    figure: Figure = None,
    fail_on_alarm: Annotated[
        bool, typer.Option("--fail-on-alarm", help="Exit with 4 on an alarm.")
    ] = False,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Watch the periods since a date against the history before it.

    A study's section [monitor] is its settings; what is said here overrules it.

    Example: uploadtrends monitor my_study.toml --from 2024-01 --fail-on-alarm
    """
    import uploadtrends as ut

    require_suffix(out)
    settings: dict[str, Any] = {}
    known = ("history", "new", "groups", "platforms")
    if data.suffix == ".toml":
        study = ut.Study.load(data)
        panel = study.panel()
        settings |= study.spec.analyses.get("monitor", {})
        settings |= further_settings(further, ut.monitor, known)
    else:
        panel, settings = given(data, options, further, ut.monitor, known)
    said = {"new": first, "groups": groups, "platforms": options.platforms}
    settings |= {name: value for name, value in said.items() if value is not None}
    if "new" not in settings:
        raise InputError(
            "which periods are new?", column="--from", value=None, fix="add --from 2024-01"
        )
    result = ut.monitor(panel, settings.pop("new"), **settings)
    draw(result, figure)
    show_result(result.to_frame(), as_json=as_json, out=out, words=result.summary())
    if fail_on_alarm and len(result.alarms):
        raise typer.Exit(CHECK_FAILED)


@command
def structural_breaks(
    data: Data,
    options: PanelOptions,
    test: Annotated[
        str, typer.Option("--test", help="sup-F, OLS-CUSUM, Rec-CUSUM, RE, ME, Bai-Perron, ...")
    ] = "sup-F",
    regressors: Annotated[
        str, typer.Option("--regressors", help="constant (mean) or trend (mean and slope).")
    ] = "constant",
    covariance: Annotated[
        str, typer.Option("--covariance", help="ols, or hac for autocorrelated errors.")
    ] = "hac",
    unit: Unit = "uploads",
    groups: Groups = None,
    further: Further = None,
    figure: Figure = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Run a structural-change test of econometrics on every series.

    Example: uploadtrends structural-breaks uploads.duckdb --test sup-F --covariance hac
    """
    import uploadtrends as ut

    require_suffix(out)
    said = {"regressors": regressors, "covariance": covariance, "unit": unit}
    known = (*said, "data", "test")
    series, settings = given(data, options, further, ut.structural_breaks, known)
    result = ut.structural_breaks(
        series, test, groups=groups, platforms=options.platforms, **said, **settings
    )
    draw(result, figure)
    show_result(result.to_frame(), as_json=as_json, out=out, words=result.summary())
