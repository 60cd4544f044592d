from __future__ import annotations

import hashlib

import pytest

from uploadtrends import datasets
from uploadtrends.errors import InputError


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_file_matches_its_sidecar(name: str) -> None:
    about = datasets.about(name)
    content = datasets.path(name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == about["sha256"]
    header, *rows = content.decode().splitlines()
    assert header.split(",") == list(about["columns"])
    assert len(rows) == about["rows"]
    assert about["terms"]
    assert about["source"]
    assert about["caveats"]


def test_frames() -> None:
    figure = datasets.precipice_figure1()
    assert figure.shape == (34, 6)
    assert figure.index.freqstr == "MS"
    assert (figure.loc[:"2021-12", "new_deviantart"] == 1).all()
    counts = datasets.artist_months()
    assert counts["artist_id"].nunique() == 7595
    yearly = counts[counts.instrument == "shaders20k"].groupby(counts.month.dt.year).uploads.sum()
    assert yearly.to_list() == [755, 1661, 1766, 2165, 2266, 3233, 3918, 3858]
    clock = datasets.danbooru_id_dates()
    assert clock["post_id"].is_monotonic_increasing
    assert len(clock) == 440


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="no bundled data set"):
        datasets.path("figure1")
