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
# # 02 Event study: what changed, by how much, and how well is it known?
#
# An interrupted time series asks whether the level or the slope of a series changed at a stated
# date.

# %%
import uploadtrends as ut
from uploadtrends import datasets, figures

series = datasets.precipice_figure1()
senior = series["senior_artstation"]

its = ut.interrupted_time_series(senior, "2022-08-22")
print(its.summary())

# %%
its.plot()

# %% [markdown]
# The points are what was published. The dashed line is what the level and trend before August
# 2022 would lead one to expect, with a 95% band for a single month. The table behind it:

# %%
columns = ["term", "relative", "relative_low", "relative_high", "p", "minimum_detectable", "status"]
its.effects[columns].round(3)

# %% [markdown]
# No change is shown. That is not the same as "nothing changed": `minimum_detectable` says how
# large a change would have had to be (on the log scale here) for this series to show it four
# times in five.
#
# ## Crowded dates
#
# DALL-E 2, Midjourney and Stable Diffusion came within five months. With 34 monthly points nobody
# can tell them apart, so the package merges them into one block and says why.

# %%
events = ut.event_catalogue(ids=["mr-dalle2", "mr-midjourney-beta", "mr-sd-public"])
together = ut.interrupted_time_series(senior, events)
for block in together.fits[0].blocks:
    print(block.label, "-", block.reason)

# %% [markdown]
# ## All six series at once

# %%
platforms = {(name.split("_")[1], name.split("_")[0]): series[name] for name in series}
everything = ut.interrupted_time_series(platforms, "2022-08-22")
figures.forest(everything)

# %% [markdown]
# `p_holm` adjusts for having looked six times. The effect by months since the event:

# %%
everything.effects.query("term == 'level'")[["platform", "group", "relative", "p", "p_holm"]].round(
    3
)

# %%
figures.event_study(everything)

# %% [markdown]
# ## Could the model find anything at all?
#
# The power check simulates series like these with a known change and counts how often it is
# found.

# %%
power = everything.check(ut.power())
print(power.summary())
power.plot()
