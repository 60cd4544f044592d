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
# # 04 Your own event
#
# Change the date and the label, run everything, and read the answer. The data are the published
# series of arXiv 2406.08739; at the end you put in your own.

# %%
DATE = "2023-01-13"
LABEL = "Andersen v. Stability AI filed"

# %%
import uploadtrends as ut
from uploadtrends import datasets, figures

series = datasets.precipice_figure1()
platforms = {(name.split("_")[1], name.split("_")[0]): series[name] for name in series}
event = ut.Event(DATE, LABEL)

its = ut.interrupted_time_series(platforms, event)
its.plot()

# %%
figures.forest(its)

# %% [markdown]
# ## What may be said about it
#
# The first line is the conclusion, worded by a fixed rule. It never says more than the checks
# allow.

# %%
from uploadtrends.checks import conclude

checks = [its.check(ut.placebo_dates()), its.check(ut.multiplicity()), its.check(ut.power())]
row = its.effects.query("platform == 'deviantart' and group == 'total' and term == 'level'").iloc[0]
print(conclude(row, checks))
for check in checks:
    print("-", check.summary())

# %% [markdown]
# ## A date the data cannot carry
#
# Two months of data before it are not enough. The package says so instead of answering.

# %%
early = ut.interrupted_time_series(platforms, "2021-03-11")
early.effects[["platform", "group", "status", "reason"]].drop_duplicates()

# %% [markdown]
# ## Your own series
#
# Anything with dates works: a pandas Series, a DataFrame with a column per series, or a panel.
# Here the uploads per month of a platform for shader art, counted from its artists.

# %%
works = datasets.artist_months().query("instrument == 'shaders20k'")
mine = works.groupby("month")["uploads"].sum().asfreq("MS")
ut.interrupted_time_series(mine, ut.Event("2020-03-11", "Pandemic declared")).plot()
