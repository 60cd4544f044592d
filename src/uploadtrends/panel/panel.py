"""The panel: uploads by group and period, and by artist and period while at risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars as pl

from uploadtrends.brief import boxed
from uploadtrends.engines import DuckDBEngine, Engine
from uploadtrends.engines.engine import hold
from uploadtrends.errors import InputError
from uploadtrends.panel.decomposition import Decomposition, decompose_change
from uploadtrends.panel.drawing import draw, drawing_errors
from uploadtrends.panel.groups import published_groups, sorted_groups
from uploadtrends.panel.groups_sql import exits
from uploadtrends.panel.known import (
    described,
    not_whole,
    only_lane,
    overview,
    require_artists,
    rows_of,
)
from uploadtrends.panel.records import Records, in_order
from uploadtrends.panel.rows import artist_rows, new_folder, write_rows
from uploadtrends.panel.seniority import Seniority
from uploadtrends.panel.units import ONLY_YES, says_no, unit_values
from uploadtrends.result import Counted, fingerprint
from uploadtrends.series.periods import pandas_frequency

Flagged = Literal["mask", "keep"]


@dataclass(frozen=True)
class Panel(Counted):
    """Uploads by group and period; made by `build_panel`.

    Attributes
    ----------
    groups : polars.DataFrame
        One row per platform, group and period: platform, group, period (its first day), days,
        uploads, fractional_uploads, media, active_artists, at_risk_artists, entrants, silent,
        ai_uploads, ai_unknown, delisted, complete, interpolated, instrument, unit, low, high,
        origin ("artists" or "published"). Counts are sums of design weights where these are used.
        A group's rows begin with its first entrant. `uploads` counts a work once for every artist
        credited; `fractional_uploads` splits it among them. The group "all" holds every artist,
        "unattributed" works without one.
    excluded : polars.DataFrame
        platform, reason, uploads: credits inside no group, so that nothing is lost unseen.
    recipe : dict
        How the panel was made, JSON-ready.

    See Also
    --------
    build_panel : Makes one.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> from uploadtrends.simulate import population
    >>> ut.build_panel(population(60, platforms="mysite", seed=1)).keys()
    [('mysite', 'all')]
    """

    records: Records = field(repr=False)
    seniority: Seniority | None
    recipe: dict[str, Any]
    groups: pl.DataFrame = field(repr=False)
    excluded: pl.DataFrame = field(repr=False)
    engine: Engine | None = field(default=None, repr=False, compare=False)
    """Where the SQL runs; None is the built-in one, with which a panel can be pickled."""

    @classmethod
    def assemble(
        cls,
        records: Records,
        seniority: Seniority | None,
        recipe: Mapping[str, Any],
        engine: Engine | None = None,
        reader: Engine | None = None,
    ) -> Panel:
        """Group the records by a rule, on `reader` if that is open; the panel does not keep it."""
        recipe = dict(recipe) | {"seniority": None if seniority is None else seniority.to_dict()}
        made, left_out = sorted_groups(records, seniority, recipe, engine or reader)
        groups = pl.concat(
            [made, published_groups(records.published, made, recipe["period"])], how="diagonal"
        ).sort("platform", "group", "period")
        return cls(records, seniority, recipe, groups, left_out, engine)

    def __repr__(self) -> str:
        keys = ", ".join(f"{platform}/{group}" for platform, group in self.keys())
        return boxed([f"<Panel by {self.period}: {keys or 'empty'}>"], "The rest: .overview().")

    def overview(self) -> pl.DataFrame:
        """Return one row per platform and group: first and last period, totals, flags.

        Returns
        -------
        polars.DataFrame
            platform, group, origin, unit, first, last, periods, uploads, incomplete, interpolated.
        """
        return overview(self.groups)

    def summary(self) -> str:
        """Say what the panel holds, what it leaves out, and what to keep in mind."""
        return described(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        table: str = self.overview().to_pandas().to_html(index=False, float_format="{:,.0f}".format)
        caveat = "" if self.seniority is None else self.seniority.caveat
        return f"<p>Panel by {self.period}. {caveat}</p>{table}"

    @property
    def period(self) -> str:
        """Name of the period: day, week, month, quarter or year."""
        return str(self.recipe["period"])

    def keys(self) -> list[tuple[str, str]]:
        """Return every (platform, group)."""
        pairs = self.groups.select("platform", "group").unique(maintain_order=True)
        return [(platform, group) for platform, group in pairs.iter_rows()]

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that the panel holds: its records, its rule and its recipe."""
        frames = in_order(self.groups), in_order(self.excluded)
        return fingerprint(self.records, self.seniority, self.recipe, *frames)

    def has_artists(self, platform: str | None = None) -> bool:
        """Tell whether the panel knows single artists (on that platform)."""
        lanes = self.records.artist_lanes
        return bool(lanes) if platform is None else platform in lanes

    def with_seniority(self, rule: Seniority | None) -> Panel:
        """Return the same panel with artists sorted by another rule."""
        return Panel.assemble(self.records, rule, self.recipe, self.engine)

    def with_exit_after(self, periods: int | None) -> Panel:
        """Return the panel whose artists stop being at risk after so many silent periods.

        A sensitivity analysis: it uses the future. In the primary analysis all stay at risk.
        """
        if periods is not None and periods < 1:
            raise InputError(
                "an exit rule needs at least one silent period", column="exit_after", value=periods
            )
        query = exits(periods, self.period)
        spans: Any = hold(self.engine or DuckDBEngine(), query, span=self.records.tables["span"])
        records = replace(self.records, spans=spans)
        recipe = self.recipe | {"exit_after": periods}
        return Panel.assemble(records, self.seniority, recipe, self.engine)

    @cached_property
    def artists(self) -> pl.DataFrame:
        """One row per artist and period while at risk, zeros filled.

        platform, artist_id, group, period, days, tenure_months, uploads (full or fractional, as the
        recipe says), media, ai_uploads, ai_unknown, weight, complete. Artists whom the rule leaves
        out are absent. The first upload itself is not here: risk starts in the period after it.

        Raises
        ------
        InputError
            When the panel holds only published aggregate series.
        """
        require_artists(self.records.artist_lanes, None)
        return artist_rows(self.records, self.seniority, self.recipe, self.engine)

    def write_artists(
        self, folder: str | Path, *, rows: int = 5_000_000, identify: bool = False
    ) -> Iterator[Path]:
        """Write the artist panel to Parquet, part by part, and yield each part when it is there.

        For panels that do not fit into memory: only one part is worked on at a time, and an artist
        is never cut in two. On Spark all parts are written at once, by its workers.

        Parameters
        ----------
        folder : str or Path
            Must be new or empty. On Spark also an address that it knows (s3a://...).
        rows : int
            About so many rows a part; Spark has its own size.
        identify : bool
            Write artists' ids. Without it `artist_id` is the artist's number in this panel.

        Yields
        ------
        Path
            Of a Parquet file with the columns of `artists`.

        Raises
        ------
        InputError
            The folder holds something, or there are no artists.

        Examples
        --------
        >>> import tempfile, uploadtrends as ut
        >>> from uploadtrends.simulate import population
        >>> panel = ut.build_panel(population(60, platforms="mysite", seed=1))
        >>> for part in panel.write_artists(Path(tempfile.mkdtemp()) / "artist-months"):
        ...     pl.read_parquet(part)["artist_id"].n_unique() <= 60
        True
        """
        require_artists(self.records.artist_lanes, None)
        if rows < 1:
            raise InputError("a part needs at least one row", column="rows", value=rows)
        return write_rows(
            self.records,
            self.seniority,
            self.recipe,
            self.engine,
            new_folder(folder),
            rows=rows,
            identify=identify,
        )

    def sample(self, artists: int = 20_000, *, seed: int = 0) -> Panel:
        """Draw artists at random, and return their panel, here.

        For models of single artists on more of them than fit into one machine: the draw runs where
        the artists are, and every engine draws the same. Groups become estimates for all artists,
        with the weights N / n; `summary` and the notes of artist-level models state the draw and
        its sampling error.

        Parameters
        ----------
        artists : int
            How many on every platform (all, where there are fewer).
        seed : int
            Of the draw.

        Returns
        -------
        Panel
            On the built-in engine.

        Examples
        --------
        >>> import uploadtrends as ut
        >>> from uploadtrends.simulate import population
        >>> panel = ut.build_panel(population(60, platforms="mysite", seed=1))
        >>> panel.sample(20).artists["artist_id"].n_unique()
        20
        """
        require_artists(self.records.artist_lanes, None)
        if "sample" in self.recipe:
            raise InputError(
                "this panel is a sample already", fix="draw from the panel that it was drawn from"
            )
        records, sizes = draw(self.records, self.engine, artists, seed)
        recipe = self.recipe | {"sample": {"seed": seed, "artists": sizes}}
        return Panel.assemble(records, self.seniority, recipe)

    def sampling_error(self, unit: str = "uploads") -> pl.DataFrame:
        """Return how far a sample's totals are off because only some artists were drawn.

        Parameters
        ----------
        unit : str
            uploads, fractional_uploads, media, active_artists, ai_uploads, ai_unknown or delisted.

        Returns
        -------
        polars.DataFrame
            platform, group, period, estimate (for all artists), se, low, high (95%, normal), by
            Cochran (1977, Sampling Techniques, eq. 2.20) for a simple random sample of a finite
            number of artists. Works without an artist are in the panel's totals, not here.

        Raises
        ------
        InputError
            The panel is no sample, or the unit another one.
        """
        return drawing_errors(self, unit)

    def flags(self, platform: str, group: str = "all") -> pd.DataFrame:
        """Return what is known about each period: complete, interpolated, instrument.

        Returns
        -------
        pandas.DataFrame
            Index: first day of the period.
        """
        rows = rows_of(self.groups, platform, group)
        frame = rows.select("complete", "interpolated", "instrument").to_pandas()
        frame.index = self._index(rows)
        return frame

    def series(
        self,
        platform: str,
        group: str = "all",
        unit: str = "uploads",
        flagged: Flagged = "mask",
    ) -> pd.Series:
        """Return one series, ready for the models.

        Parameters
        ----------
        platform, group : str
            One of `keys`.
        unit : str
            uploads, fractional_uploads, media, active_artists, at_risk_artists, entrants, silent,
            uploads_per_active, uploads_per_at_risk, active_share (of those at risk), ai_share
            (among works with a statement; NaN where the source never says "no"), ai_share_low and
            ai_share_high (all or none of the unknown taken as made without AI), no_longer_listed
            (by month of publication). A published series has only its own values, under "uploads".
        flagged : {"mask", "keep"}
            Leave out incomplete periods at the edges and put NaN for incomplete or interpolated
            ones inside, or keep every value.

        Returns
        -------
        pandas.Series
            Float, index of period starts with a frequency, no gaps; `attrs` has platform, group,
            unit.

        Raises
        ------
        InputError
            For an unknown platform, group, unit or a unit that these data do not have.
        """
        rows = rows_of(self.groups, platform, group)
        unit = self.recipe["credit_unit"] if unit == "uploads" else unit
        values = unit_values(rows, unit, self.records, platform)
        series = pd.Series(values, index=self._index(rows), name=f"{platform} {group}")
        if flagged == "mask":
            usable = (rows["complete"] & ~rows["interpolated"]).to_numpy()
            edge = rows["complete"].to_numpy()
            series = series.where(usable)
            if edge.any():
                series = series.iloc[edge.argmax() : len(edge) - edge[::-1].argmax()]
            else:
                series = series.iloc[:0]
        elif flagged != "keep":
            raise InputError(
                "unknown way to treat flagged periods",
                column="flagged",
                value=flagged,
                fix="'mask' or 'keep'",
            )
        shown = rows["unit"][0] if rows["origin"][0] == "published" else unit
        series.attrs = {"platform": platform, "group": group, "unit": shown}
        if unit == "ai_share" and not says_no(self.records, platform):
            series.attrs["reason"] = ONLY_YES
        return series

    def decompose(
        self,
        before: tuple[str, str],
        after: tuple[str, str],
        rule: str = "lmdi",
        *,
        platform: str | None = None,
        n_bootstrap: int = 999,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> Decomposition:
        """Split the change of uploads between two windows; see `decomposition.decompose`."""
        return decompose_change(
            self.records,
            self.seniority,
            self.recipe,
            before,
            after,
            rule,
            platform=self.only_artist_platform(platform),
            n_bootstrap=n_bootstrap,
            confidence=confidence,
            seed=seed,
            engine=self.engine,
        )

    def only_artist_platform(self, platform: str | None) -> str:
        """Return the platform named, or the only one with artists.

        Raises
        ------
        InputError
            If it has no artists, or several platforms have and none is named.
        """
        return only_lane(self.records.artist_lanes, platform)

    def not_whole(self, platform: str) -> str:
        """Say how many of a platform's histories are cut off, as visits told; "" where none is."""
        return not_whole(self, platform)

    def _index(self, rows: pl.DataFrame) -> pd.DatetimeIndex:
        days = rows["period"].cast(pl.Datetime("us")).to_numpy()
        return pd.DatetimeIndex(days, freq=pandas_frequency(self.period))
