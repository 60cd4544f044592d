import numpy as np
import pandas as pd
import pytest

import uploadtrends as ut
from uploadtrends.simulate import ar1_series, population

EVENT = "2022-08-22"


def _monthly(log_values, start="2016-01-01"):
    index = pd.date_range(start, periods=len(log_values), freq="MS")
    return pd.Series(np.exp(log_values).round(), index)


@pytest.fixture(scope="session")
def monthly():
    """Turn logarithms into a monthly series of counts."""
    return _monthly


@pytest.fixture(scope="session")
def flat():
    """Series in which nothing happens: same autocorrelation, no step."""
    return ar1_series(4, 96, rho=0.4, sd=0.12, mean=5.0, seed=31)


@pytest.fixture(scope="session")
def stepped():
    """One platform whose two groups fall by 40% at the event, and one that does not move."""
    step = (pd.date_range("2016-01-01", periods=96, freq="MS") >= "2022-09-01") * 1.0
    step[79] = 10 / 31
    noise = ar1_series(3, 96, rho=0.4, sd=0.12, mean=5.0, seed=7)
    data = {
        ("gallery", "senior"): _monthly(noise[0] - 0.5 * step),
        ("gallery", "new"): _monthly(noise[1] - 0.5 * step),
        ("archive", "all"): _monthly(noise[2]),
    }
    return ut.interrupted_time_series(data, ut.Event(EVENT, "The release"))


@pytest.fixture(scope="session")
def people():
    """A panel of artists whose rate falls by a third at the event, and its time series."""
    drawn = population(
        600,
        platforms=("artstation",),
        start="2016-01-01",
        end="2023-12-31",
        entry_rate=0.005,
        period_sd=0.03,
        event_date=EVENT,
        effect={"senior": -0.6, "new": -0.6},
        seed=3,
    ).visible("2024-01-01")
    rule = ut.Seniority(at="2022-01-01", senior_after="24 months", later="drop")
    panel = ut.build_panel(drawn, seniority=rule, start="2020-01-01")
    its = ut.interrupted_time_series(panel, EVENT, groups=["all", "senior"])
    return panel, its
