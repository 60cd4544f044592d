"""Draw the pictures of the README and the documentation (`make docs-images`)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import uploadtrends as ut
from uploadtrends import figures
from uploadtrends.sources.bundled import bundled, pixiv_clock

FOLDER = Path(__file__).resolve().parent / "images"


def main() -> None:
    """Write every picture."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "uploads.duckdb"
        ut.build_store(store, [bundled("artist_months")])
        shadertoy = ut.build_panel(store)
    cohorts = ut.placebo_cohorts(actual_years=[2022], events_from="2022-04")(shadertoy)
    drawings = {
        "figure3_placebo_cohorts": figures.figure3_placebo_cohorts(cohorts),
        "upload_rates_pixiv": figures.upload_rates(
            pixiv_clock(), [event for event in ut.event_catalogue() if "pixiv" in event.platforms]
        ),
    }
    for name, drawing in drawings.items():
        for path in figures.save(drawing, FOLDER / name, formats=["png"], dpi=130):
            print(path.name, f"{path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
