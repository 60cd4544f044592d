# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Change points: when did it change, if at all?
#
# Here nobody tells the search where to look. The default is calibrated: where nothing changes it
# dates a change in about one series in twenty, whether or not months resemble their neighbours.
# Missing months are left out, single odd months are named and set aside, a smooth bend is told from
# a date, and every change has to be needed beside the others (simulations: `validation/`).

# %%
import pandas as pd

import uploadtrends as ut
from uploadtrends import datasets
from uploadtrends.simulate import ar1_series

index = pd.date_range("2016-01-01", periods=72, freq="MS")
values = ar1_series(1, 72, rho=0.4, sd=1.0, mean=10.0, step=3.0, step_at=40, seed=4)[0]
known = pd.Series(values, index)

found = ut.change_points(known, trend=False)
print(found.summary())
found.plot()

# %% [markdown]
# The change was put at 2019-05. The date that is reported is the **first period of the new
# regime**, with an interval. `trend=False` says that we know there is no trend; that buys power.
#
# ## The published series

# %%
series = datasets.precipice_figure1()
platforms = {(name.split("_")[1], name.split("_")[0]): series[name] for name in series}
breaks = ut.change_points(platforms)
breaks.plot()

# %%
breaks.to_frame()[["platform", "group", "date", "low", "high", "p", "reason"]]

# %% [markdown]
# Most of the six series show nothing beyond a line, or a constant, with autocorrelation. A change
# that is found lies at 2022-01, where "new" artists begin to exist by definition: before it the
# series is exactly 1.
#
# ## Is a break near an event more often than chance?
#
# A random date lands near some event more often than one thinks. `match` draws the dates anew and
# counts.

# %%
events = ut.event_catalogue(ids=["nft-peak-volume", "mr-dalle2", "mr-sd-public"])
match = breaks.match(events)
print(match.summary())
match.plot()

# %% [markdown]
# ## What a plain search would have said
#
# The same series, searched with ruptures' PELT for changes of the mean with a BIC penalty, as is
# often done: a steady decline is read as a step. How often such a run finds something in series
# like these without any change stands beside it.

# %%
plain = ut.change_points(series["senior_artstation"], search="pelt")
print(plain.summary())

# %%
print(breaks.plain_sentence())
breaks.plain_pelt()

# %% [markdown]
# ## One date for several series, and watching new months

# %%
print(ut.common_change(platforms).summary())

# %%
watched = ut.monitor(platforms, "2023-01")
print(watched.summary())
watched.plot()
