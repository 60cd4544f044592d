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
# # 01 Explore: what is in the box
#
# The package ships three small data sets: the published figure of arXiv 2406.08739, uploads by
# artist and month of a shader-art platform, and dated post ids of Danbooru. This notebook loads
# them into a store, makes a panel, and looks.

# %%
import tempfile
from pathlib import Path

import uploadtrends as ut
from uploadtrends import datasets, figures
from uploadtrends.sources.bundled import bundled

folder = Path(tempfile.mkdtemp())
ut.build_store(folder / "uploads.duckdb", [bundled(name) for name in datasets.NAMES])
panel = ut.build_panel(folder / "uploads.duckdb")
panel

# %% [markdown]
# A panel is made of series. Each has a platform and a group.

# %%
panel.keys()

# %%
panel.series("artstation", "senior").tail()

# %% [markdown]
# Every period carries flags: is it complete, is it interpolated, which instrument counted it? A
# Danbooru month that lies mostly between two distant dated posts is interpolated, and `series`
# masks it unless told otherwise.

# %%
panel.flags("danbooru", "total").loc["2021-10":"2022-05"]

# %%
panel.series("danbooru", "total").loc["2021-10":"2022-05"]

# %% [markdown]
# ## The events
#
# The catalogue holds dated events with their sources. Those without a dated source are marked and
# left out unless asked for.

# %%
events = ut.event_catalogue(category=["nft", "model-release"], start="2021-01", end="2023-10")
events.to_frame()[["date", "precision", "category", "label"]].head(8)

# %%
figures.event_timeline(events)

# %% [markdown]
# ## The published figure
#
# Numbers on the strip are events; the key below names them. The two lines of the last panel lie
# on each other throughout 2021.

# %%
figures.figure1(panel, events, platforms=["artstation", "deviantart"])

# %% [markdown]
# ## Danbooru, month by month
#
# Shaded months are averages across a gap. They cannot say when inside the gap something changed,
# so nothing is tested on them.

# %%
figures.figure2(panel, events, anchors=datasets.danbooru_id_dates()["created_at_utc"])
