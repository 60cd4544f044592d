"""Commands about change: monitor (new periods) and structural-breaks (tests of econometrics)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.analysis import given
from uploadtrends.cli.options import (
    AsJson,
    Data,
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
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw paths and boundaries into this file.")
    ] = None,
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
    if data.suffix == ".toml":
        study = ut.Study.load(data)
        panel = study.panel()
        settings |= study.spec.analyses.get("monitor", {})
    else:
        panel = given(data, options)
    known = ("history", "new", "groups", "platforms")
    settings |= further_settings(further, ut.monitor, known)
    said = {"new": first, "groups": groups, "platforms": options.platforms}
    settings |= {name: value for name, value in said.items() if value is not None}
    if "new" not in settings:
        raise InputError(
            "which periods are new?", column="--from", value=None, fix="add --from 2024-01"
        )
    result = ut.monitor(panel, settings.pop("new"), **settings)
    if figure is not None:
        result.plot().savefig(figure)
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
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Run a structural-change test of econometrics on every series.

    Example: uploadtrends structural-breaks uploads.duckdb --test sup-F --covariance hac
    """
    import uploadtrends as ut

    require_suffix(out)
    said = {"regressors": regressors, "covariance": covariance, "unit": unit}
    result = ut.structural_breaks(
        given(data, options),
        test,
        groups=groups,
        platforms=options.platforms,
        **said,
        **further_settings(further, ut.structural_breaks, (*said, "data", "test")),
    )
    show_result(result.to_frame(), as_json=as_json, out=out, words=result.summary())
