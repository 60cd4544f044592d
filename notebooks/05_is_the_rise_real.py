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
# # 05 Is the rise real?
#
# The published figure shows senior artists uploading less and less, and new artists more and
# more, around 2022. It is tempting to read the arrival of image generators into it. Before doing
# so, one question: **would the same figure look the same at a time when nothing happened?**
#
# We cannot ask the published data, which are six lines. But we can ask data that hold every
# single artist: 7,595 people on a platform for shader art, 2014 to 2023.

# %%
import tempfile
from pathlib import Path

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.sources.bundled import bundled

store = Path(tempfile.mkdtemp()) / "uploads.duckdb"
ut.build_store(store, [bundled("artist_months"), bundled("precipice_figure1")])
published = ut.build_panel(store, platforms=["artstation", "deviantart"])
figures.figure1(published, groups=["senior", "new"])

# %% [markdown]
# ## The recipe
#
# As far as one can tell from the plot, the recipe is this. Take 250 artists at random among those
# with a following. Look at 34 months, of which twelve lie before a cut on 1 January. Call
# *senior* who was there before the window; call *new* who came after the cut. Count the active
# ones month by month.
#
# The paper's cut is 2022. Nothing stops us from cutting at 2016, when "image generator" meant
# something else. (Our data have no follower counts. Five works by the end of the window stand
# in.)

# %%
panel = ut.build_panel(store, platforms=["shadertoy"])
outcome = ut.placebo_cohorts(actual_years=[2022], events_from="2022-04")(panel)
figures.figure3_placebo_cohorts(outcome)

# %% [markdown]
# The shape is there every time: five cut years without any image generator, five declines of the
# seniors, five rises of the new.

# %%
print(outcome.summary())

# %%
columns = [
    "cut_year",
    "kind",
    "senior_change",
    "senior_change_low",
    "senior_change_high",
    "new_last_year",
    "share_of_draws",
]
outcome.table[columns].round(2)

# %% [markdown]
# The shape is no evidence either way: the question is by how much *more* seniors decline at 2022
# than the same rule makes them decline in any year. The check compares the sizes. Artists who are
# senior at several cuts, overlapping windows and ups and downs between years are in its intervals.

# %%
outcome.figure_data["contrasts"].round(1)

# %% [markdown]
# The paper does not say what became of those who arrived inside the window but before the cut, nor
# can we copy its follower count. So here are other readings of the recipe.

# %%
outcome.figure_data["sensitivity"].round(0)

# %% [markdown]
# ## Why it must be so
#
# A group of people fixed at a date can only lose active members: some stop, nobody joins. A group
# that is defined as "came after the cut" starts at zero and can only grow. Put both on one axis
# and they cross, whatever happens in the world. Researchers of online communities know the trap
# well (Barbosa et al. 2016): averages over a cohort fall while no single member changes.
#
# ## What the senior decline is made of
#
# The change of the total splits without a remainder into people who left, people who came, and
# how much those who stayed uploaded.

# %%
rule = ut.Seniority(at="2018-01-01", senior_after="12 months")
sorted_panel = ut.build_panel(
    store, platforms=["shadertoy"], seniority=rule, instrument={"shadertoy": "shaders20k"}
)
parts = sorted_panel.decompose(("2017-01-01", "2017-12-01"), ("2019-01-01", "2019-12-01"))
parts.plot()

# %% [markdown]
# ## What would be evidence
#
# Not the shape, but a *departure* from it: a decline steeper than in the placebo years, dated at
# the event, in a comparison with artists whom the event cannot have touched. Is 2022 steeper?

# %%
contrasts = outcome.figure_data["contrasts"].set_index("quantity")
for name in ("placebo years", "actual cut", "excess"):
    row = contrasts.loc[name]
    print(f"{name}: {row['change']:.0f}% [{row['low']:.0f}, {row['high']:.0f}]")

# %% [markdown]
# The excess may well be nothing. So on this platform, with this recipe, 2022 cannot be told from
# other years. That does not show that image generators had no effect on artists:
# it shows that **this figure cannot tell**.
