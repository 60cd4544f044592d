from __future__ import annotations

import numpy as np
import pandas as pd
import ruptures

from uploadtrends import change_points
from uploadtrends.simulate import ar1_series


def test_a_plain_run_is_shown_beside_the_default_with_its_false_alarms(monthly) -> None:
    data = {
        "wanders": monthly(ar1_series(1, 72, rho=0.7, seed=3)[0]),
        "steps": monthly(ar1_series(1, 72, step=6, step_at=36, seed=1)[0]),
    }
    found = change_points(data)
    table = found.plain_pelt().set_index("group")
    values = data["wanders"].to_numpy()
    values = ((values - values.mean()) / values.std(ddof=1)).reshape(-1, 1)
    direct = ruptures.Pelt(model="l2", jump=1, min_size=2).fit(values).predict(2 * np.log(72))
    assert table.loc["wanders", "plain_changes"] == len(direct) - 1
    assert table.loc["wanders", "false_alarms"] > 0.4
    assert table.loc["steps", "false_alarms"] < table.loc["wanders", "false_alarms"]
    assert table.loc["steps", "plain_changes"] >= table.loc["steps", "default_changes"] == 1
    assert "A plain PELT with BIC" in found.plain_sentence()


def test_refused_and_steady_series_do_not_break_it(monthly) -> None:
    data = {"short": monthly(np.arange(5.0)), "steady": monthly(np.ones(30))}
    table = change_points(data).plain_pelt()
    assert table["group"].tolist() == ["steady"]
    assert table["plain_changes"].tolist() == [0]
    assert change_points({"short": pd.Series(data["short"])}).plain_sentence() == ""
