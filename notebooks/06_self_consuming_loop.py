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
# # 06 The self-consuming loop
#
# Image generators learn from pictures, and more and more pictures come from image generators.
# What becomes of art made from art made by machines: does it converge, degrade, lose its variety?
#
# This notebook runs both loops that the literature studies on real handwritten digits, which are
# small enough to see everything. Nothing here speaks about any generator in use.

# %%
import uploadtrends as ut
from uploadtrends.loop.digits import digits
from uploadtrends.loop.theory import fresh_needed, gaussian_theory

# %% [markdown]
# ## Generation after generation
#
# A model is fitted to real works, draws as many as it saw, and the next model is fitted to these.
# For one Gaussian the course is known exactly: the dashed line.

# %%
loop = ut.retraining_loop(generator="gaussian", sampling_bias=0.9, generations=20, repeats=5)
print(loop.summary())
loop.plot()

# %% [markdown]
# Keeping the real works in the training data stops the loss; unless samples are chosen for their
# quality, which brings it back, only slower. Fresh real works cap it. How many are needed?

# %%
for regime in ("replace", "accumulate", "fresh"):
    kept = gaussian_theory(regime, n=270, generations=200, sampling_bias=0.9, fresh=0.3)[
        "variance"
    ].iloc[-1]
    print(f"{regime:<11} {kept:.0%} of the variance left after 200 generations")
print(f"{fresh_needed(0.9, sampling_bias=0.9):.0%} fresh works keep nine tenths for ever")

# %% [markdown]
# ## Picture, caption, picture
#
# The second loop: describe a picture, paint from the description, describe the painting, and so
# on. The dashed line is the first round, which has no feedback yet; the dotted line is what
# unrelated pictures have in common.

# %%
chain = ut.caption_loop(iterations=60)
print(chain.summary())
chain.plot()

# %%
print(f"originals: {len(digits().originals)}")
chain.captions.query("artwork == 7 and iteration in (0, 1, 5, 20, 60)")[["iteration", "caption"]]

# %% [markdown]
# ## Did it come to rest?
#
# A date alone cannot tell: a slow drift dates itself near two thirds of however long one looked.
# So it is dated again on the first three quarters of the run.

# %%
for kind in ("content", "visual"):
    print(f"{kind}: {ut.convergence(chain.novelty_of(kind)).summary()}")

# %% [markdown]
# ## How far from other people's digits?
#
# The distance is extrapolated to infinitely many works and measured against pictures that never
# were in the loop. Beside it stands what a plain distance to the originals reads, with the
# bracket of what it can mean for 270 works.

# %%
chain.distance(every=20).round(2)
