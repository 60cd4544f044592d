"""Draw the pictures of the README and the documentation (`make docs-images`)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import uploadtrends as ut
from uploadtrends import datasets, figures
from uploadtrends.sources.bundled import bundled, pixiv_clock

FOLDER = Path(__file__).resolve().parent / "images"


def main() -> None:
    """Write every picture."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "uploads.duckdb"
        ut.build_store(store, [bundled(name) for name in datasets.NAMES])
        panel = ut.build_panel(store, platforms=["artstation", "deviantart"])
        shadertoy = ut.build_panel(store, platforms=["shadertoy"])
    events = ut.event_catalogue(
        ids=[
            "nft-beeple-christies",
            "mr-dalle2",
            "mr-midjourney-beta",
            "mr-sd-public",
            "pr-artstation-protest",
            "mr-midjourney-v5",
        ]
    )
    its = ut.interrupted_time_series(panel, events)
    breaks = ut.change_points(panel)
    facts = ut.published_series(panel, its, groups=("total", "senior", "new"), date="2022-08")
    cohorts = ut.placebo_cohorts(actual_years=[2022], events_from="2022-04")(shadertoy)
    drawings = {
        "figure1": figures.figure1(panel, events),
        "figure1_tested": figures.plot_its(its, breaks=breaks, facts=facts),
        "figure3_placebo_cohorts": figures.figure3_placebo_cohorts(cohorts),
        "effects": figures.forest(its),
        "upload_rates_pixiv": figures.upload_rates(
            pixiv_clock(), [event for event in ut.event_catalogue() if "pixiv" in event.platforms]
        ),
    }
    for name, drawing in drawings.items():
        for path in figures.save(drawing, FOLDER / name, formats=["png"], dpi=130):
            print(path.name, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
