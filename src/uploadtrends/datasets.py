"""The small data sets that come with the package: an installation alone can run the examples.

Each function returns a fresh pandas DataFrame; `path` gives the file itself for the loaders and
`about` its sidecar (source, terms, columns, units, caveats).
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uploadtrends.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("precipice_figure1", "artist_months", "danbooru_id_dates", "pixiv_id_dates")


def path(name: str) -> Path:
    """Return the CSV file of a bundled data set.

    Parameters
    ----------
    name : one of `NAMES`

    Raises
    ------
    InputError
        If there is no such data set.
    """
    if name not in NAMES:
        raise InputError(
            "no bundled data set has this name", value=name, fix=f"choose one of {', '.join(NAMES)}"
        )
    packaged = Path(str(files("uploadtrends"))) / "data" / f"{name}.csv"
    if packaged.exists():
        return packaged
    # In a source checkout the files lie where `make figures` reads them; the wheel copies them.
    return Path(__file__).resolve().parents[2] / "data" / "raw" / f"{name}.csv"


def about(name: str) -> dict[str, Any]:
    """Return the sidecar of a bundled data set: source, terms, sha256, columns, units, caveats."""
    return tomllib.loads(path(name).with_suffix(".toml").read_text(encoding="utf-8"))


def precipice_figure1() -> pd.DataFrame:
    """Return the six monthly series of Figure 1 of arXiv 2406.08739.

    Returns
    -------
    pandas.DataFrame
        34 rows, index of month starts 2021-01 to 2023-10; columns total, senior and new, each for
        artstation and deviantart.

    Notes
    -----
    Source: Porres and Gomez-Villa (2024), read off the published figure; totals to about +-1.
    Unit: not stated in the paper. ArtStation's new artists in 2021 are hidden under DeviantArt's
    line and read as 1.

    Examples
    --------
    >>> precipice_figure1()["senior_artstation"].iloc[0]
    np.float64(58.0)
    """
    import pandas as pd

    frame = pd.read_csv(path("precipice_figure1"))
    index = pd.DatetimeIndex(pd.to_datetime(frame.pop("month") + "-01"), freq="MS", name="month")
    return frame.set_index(index).astype(float)


def artist_months() -> pd.DataFrame:
    """Return uploads by artist and month of a shader-art platform, 2014-02 to 2023-12.

    Returns
    -------
    pandas.DataFrame
        18,105 rows; artist_id (pseudonym), first_month and month (month starts), instrument
        (``shaders20k`` or ``api``), uploads (works in the month; months without any are absent).

    Notes
    -----
    Source: counted from the metadata in Vipitis/shadertoys-dataset, commit 7a5d340. The two
    instruments do not cover the same works: use one at a time.
    """
    import pandas as pd

    frame = pd.read_csv(path("artist_months"))
    for column in ("first_month", "month"):
        frame[column] = pd.to_datetime(frame[column] + "-01")
    return frame


def danbooru_id_dates() -> pd.DataFrame:
    """Return pairs of Danbooru post id and creation time, 2005-05 to 2026-05.

    Returns
    -------
    pandas.DataFrame
        440 rows; post_id, created_at_utc (naive UTC), source, precision (``second`` or ``day``).

    Notes
    -----
    Ids are sequential, so the difference of two ids over the difference of two times is the total
    upload rate between them. It says nothing about when inside a gap the rate changed.
    """
    return _pairs("danbooru_id_dates")


def pixiv_id_clock() -> pd.DataFrame:
    """Return pairs of pixiv work id and time, 2007-09 to 2026-09.

    Returns
    -------
    pandas.DataFrame
        2,475 rows; post_id, created_at_utc (naive UTC), source, precision, upper_bound (True where
        the time is only the last change of the image, so that the work appeared then or before).

    Notes
    -----
    Illustrations, manga and ugoira share one sequence of ids (novels have their own); deleted,
    hidden and AI-made works keep theirs. The difference of two ids over the difference of two times
    is therefore pixiv's total upload rate. It says nothing about who uploaded.

    Of the 225 bounds whose id lies between two exact pairs less than a day apart none is more than
    0.09 days late, so that bounds are nearly exact; after September 2022 few can be checked.

    Examples
    --------
    >>> pairs = pixiv_id_clock().query("not upper_bound").set_index("created_at_utc").post_id
    >>> rate = (pairs.iloc[-1] - pairs.iloc[0]) / (pairs.index[-1] - pairs.index[0]).days
    >>> round(float(rate), -3)
    21000.0
    """
    frame = _pairs("pixiv_id_dates")
    return frame.assign(upper_bound=frame["precision"].str.contains("upper bound"))


def _pairs(name: str) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_csv(path(name))
    times = pd.to_datetime(frame["created_at_utc"], utc=True, format="ISO8601")
    frame["created_at_utc"] = times.dt.tz_localize(None)
    return frame
