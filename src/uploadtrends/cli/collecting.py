"""Commands that meet the platforms: sample, collect, rebuild, delisted, forget."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.options import (
    DEFAULT_RAW,
    DEFAULT_STORE,
    AsJson,
    KeyFile,
    MemoryLimit,
    Raw,
    SessionOptions,
    StorePath,
    command,
)
from uploadtrends.cli.show import INCOMPLETE, show_frame, show_record
from uploadtrends.collect.sites import site_names
from uploadtrends.errors import StoreError

MaxRejects = Annotated[
    float, typer.Option("--max-rejects", help="Share (below 1) or number of bad records allowed.")
]
Source = Annotated[
    str, typer.Argument(help=f"{', '.join(site_names()[:-1])} or {site_names()[-1]}.")
]


@command
def sample(
    source: Source,
    options: SessionOptions,
    followers: Annotated[
        int, typer.Option("--followers", help="Strictly more are wanted (Danbooru: posts).")
    ] = 2000,
    n: Annotated[int, typer.Option("--n", help="Artists to draw.")] = 250,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draw.")] = 1,
    frame: Annotated[
        str | None, typer.Option("--frame", help="Sampling frame; each site has a default.")
    ] = None,
    pages: Annotated[int, typer.Option("--pages", help="Most pages of one listing.")] = 200,
    raw: Raw = DEFAULT_RAW,
    as_json: AsJson = False,
) -> None:
    """Draw artists at random from a named frame, with inclusion probabilities.

    Example: uploadtrends sample deviantart --followers 2000 --n 250 --seed 1 --contact me@uni.edu
    """
    from uploadtrends.collect import sampling

    session = options.open()
    drawn = sampling.sample(
        source,
        session=session,
        followers=followers,
        n=n,
        seed=seed,
        frame=frame,
        pages=pages,
        raw=raw,
    )
    show_record(asdict(drawn), as_json=True) if as_json else typer.echo(str(drawn))


@command
def collect(
    source: Source,
    options: SessionOptions,
    artists: Annotated[
        Path | None,
        typer.Option(
            "--artists", help="A sample file, or one handle a line; else the last sample."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only works from this date on.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Ask for every work's page, too (tags).")
    ] = False,
    folders: Annotated[
        bool,
        typer.Option("--folders", help="DeviantArt: walk folders where the cap cuts a history."),
    ] = False,
    feed: Annotated[
        bool, typer.Option("--feed", help="DeviantArt: recent works from the public RSS feed.")
    ] = False,
    crawl: Annotated[
        str | None, typer.Option("--crawl", help="Go on with, or begin, the crawl of this name.")
    ] = None,
    max_rejects: MaxRejects = 0.05,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print requests and time needed; ask nobody.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
    raw: Raw = DEFAULT_RAW,
    as_json: AsJson = False,
) -> None:
    """Fetch profiles and upload histories into the archive, then load them; resumes by itself.

    Example: uploadtrends collect deviantart --artists sample.csv --dry-run
    """
    from uploadtrends.collect.crawl import collect as fetch
    from uploadtrends.collect.estimate import dry_run as estimate
    from uploadtrends.collect.replay import ArchivedCrawl
    from uploadtrends.store import open_store

    session = options.open()
    given: dict[str, Any] = {
        "artists": artists,
        "since": since,
        "details": details,
        "folders": folders,
        "feed": feed,
        "crawl": crawl,
        "raw": raw,
    }
    if dry_run:
        expected = estimate(source, session=session, **given)
        show_record(asdict(expected), as_json=True) if as_json else typer.echo(str(expected))
        return
    from uploadtrends.cli.progress import crawl_display

    with crawl_display(source, quiet=as_json) as progress:
        report = fetch(source, session=session, progress=progress, **given)
    store.parent.mkdir(parents=True, exist_ok=True)
    with open_store(store, read_only=False) as opened:
        crawled = ArchivedCrawl(report.folder, key_file=options.key_file)
        loaded = opened.load(crawled, max_rejects=_limit(max_rejects))
    if as_json:
        show_record({"crawl": asdict(report), "load": loaded.to_dict()}, as_json=True)
    else:
        typer.echo(f"{report}\n{loaded}")
    if report.status != "complete":
        raise typer.Exit(INCOMPLETE)


@command
def rebuild(
    store: StorePath = DEFAULT_STORE,
    raw: Raw = DEFAULT_RAW,
    study: Annotated[
        Path | None, typer.Option("--study", help="Load this study's files, too.")
    ] = None,
    max_rejects: MaxRejects = 0.05,
    accept_damage: Annotated[
        bool,
        typer.Option("--accept-damage", help="Build from archives with damaged lines, too."),
    ] = False,
    may_shrink: Annotated[
        bool,
        typer.Option("--may-shrink", help="Replace a store that holds more than the new one."),
    ] = False,
    key_file: KeyFile = None,
) -> None:
    """Build the store anew from the archived answers, without the network.

    Example: uploadtrends rebuild --study studies/precipice.toml
    """
    from uploadtrends.collect.replay import archived_crawls
    from uploadtrends.store import build_store
    from uploadtrends.study import read_study
    from uploadtrends.study.sources import make_source

    entries = read_study(study).data if study is not None else ()
    sources = [make_source(e.source, e.path, e.options) for e in entries if e.path.exists()]
    crawls = archived_crawls(raw, key_file=key_file)
    damage = [f"{crawl.folder}: {what}" for crawl in crawls for what in crawl.damage]
    if damage and not accept_damage:
        raise StoreError(
            f"'{store}' was left as it was: the archive is damaged in {len(damage)} places "
            f"({damage[0]}). Fix: restore it from a backup, or build without what is lost "
            "(--accept-damage)"
        )
    reports = build_store(
        store,
        [*sources, *crawls],
        max_rejects=_limit(max_rejects),
        may_shrink=may_shrink,
        key_file=key_file,
    )
    for report in reports:
        typer.echo(str(report))


def _limit(max_rejects: float) -> int | float:
    return max_rejects if max_rejects < 1 else int(max_rejects)


@command
def delisted(
    store: StorePath = DEFAULT_STORE,
    period: Annotated[str, typer.Option("--period", help="month, quarter or year.")] = "month",
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
) -> None:
    """Count works that an earlier crawl saw and a later complete one did not.

    Example: uploadtrends delisted --store data/derived/uploads.duckdb --period year
    """
    from uploadtrends.collect.delisted import delisted as count
    from uploadtrends.store import open_store

    with open_store(store, memory_limit=memory_limit) as opened:
        show_frame(count(opened, period=period).to_pandas(), as_json=as_json)


@command
def forget(
    platform: Annotated[
        str, typer.Argument(help=f"{', '.join(site_names()[:-1])} or {site_names()[-1]}.")
    ],
    handle: Annotated[str, typer.Argument(help="Handle or artist id.")],
    store: StorePath = DEFAULT_STORE,
    raw: Raw = DEFAULT_RAW,
    derived: Annotated[
        Path, typer.Option("--derived", help="Folder of exports; they are named, not touched.")
    ] = Path("data/derived"),
    key_file: KeyFile = None,
) -> None:
    """Remove an artist from archive, store and rejects, and leave them out of later crawls.

    Example: uploadtrends forget deviantart some-handle
    """
    from uploadtrends import privacy

    report = privacy.forget(
        platform, handle, raw=raw, store=store, derived=derived, key_file=key_file
    )
    typer.echo(str(report))
