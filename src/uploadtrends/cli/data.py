"""Commands that move files: load, fetch, export."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.options import (
    DEFAULT_RAW,
    DEFAULT_STORE,
    AsJson,
    KeyFile,
    Raw,
    StorePath,
    command,
    pairs,
)
from uploadtrends.cli.show import show_record


@command
def load(
    source: Annotated[
        str,
        typer.Argument(help="bundled, series, table, id_clock, danbooru2023 or kblueleaf."),
    ],
    path: Annotated[Path, typer.Argument(help="The file.")],
    store: StorePath = DEFAULT_STORE,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="field=column of a table, or column=platform/group of series; repeatable.",
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", help="name=value of the source, such as platform=mysite."),
    ] = None,
    max_rejects: Annotated[
        float, typer.Option("--max-rejects", help="Share (below 1) or number of bad rows allowed.")
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Load a file into the store; loading it again changes nothing.

    Example: uploadtrends load table works.csv --option platform=mysite
    --column artist_id=author --column upload_id=id --column published_at=posted
    """
    from uploadtrends.cli.progress import load_display
    from uploadtrends.store import open_store
    from uploadtrends.study.sources import make_source

    given: dict[str, Any] = pairs(options, "--option")
    if columns:
        said = pairs(columns, "--column")
        given["columns"] = {
            # A series is a group of a platform: platform/group.
            name: tuple(value.split("/", 1)) if source == "series" and "/" in value else value
            for name, value in said.items()
        }
    made = make_source(source, path, given)
    store.parent.mkdir(parents=True, exist_ok=True)
    limit = max_rejects if max_rejects < 1 else int(max_rejects)
    with open_store(store, read_only=False) as opened, load_display(quiet=as_json) as progress:
        report = opened.load(made, max_rejects=limit, progress=progress)
    if as_json:
        show_record(report.to_dict(), as_json=True)
    else:
        typer.echo(report.summary())


@command
def fetch(
    name: Annotated[str, typer.Argument(help="danbooru2023.")] = "danbooru2023",
    url: Annotated[
        str | None, typer.Option("--url", help="Another address of the same file.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Expected hash; else it is only recorded.")
    ] = None,
    raw: Raw = DEFAULT_RAW,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a large download.")] = False,
) -> None:
    """Download the Danbooru2023 metadata (2.8 GB) into data/raw; resumes where it stopped.

    Example: uploadtrends fetch danbooru2023
    """
    from uploadtrends.cli.progress import load_display
    from uploadtrends.collect.fetch import fetch as download

    def agree(size: int) -> bool:
        shown = f"{size / 1e9:.1f} GB" if size >= 0 else "a file of unknown size"
        return yes or typer.confirm(f"Download {shown} into {raw / name}?")

    with load_display(quiet=False) as progress:
        fetched = download(name, url, raw, sha256=sha256, agree=agree, progress=progress)
    typer.echo(f"{fetched.path}: {fetched.size:,} bytes, sha256 {fetched.sha256}")


@command
def upgrade(store: StorePath = DEFAULT_STORE) -> None:
    """Bring a store of an earlier version up to date; every row stays.

    Example: uploadtrends upgrade --store data/derived/uploads.duckdb
    """
    from uploadtrends.store.version import upgrade_store

    done = upgrade_store(store)
    typer.echo(f"{store} is up to date" + ("" if done else "; there was nothing to do"))


@command
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    store: StorePath = DEFAULT_STORE,
    identify: Annotated[
        bool,
        typer.Option("--identify", help="Real ids, handles and times instead of pseudonyms, days."),
    ] = False,
    period: Annotated[
        str, typer.Option("--period", help="Cut times to the day or to the month.")
    ] = "day",
    key: Annotated[
        str | None,
        typer.Option("--key", help="'new': pseudonyms of this export alone, joined with no other."),
    ] = None,
    key_file: KeyFile = None,
) -> None:
    """Write the store to Parquet: pseudonyms instead of ids, no handles, dates to the day.

    Pseudonymous is not anonymous: how many artists are unique by their dates is printed.

    Example: uploadtrends export shared_data --store data/derived/uploads.duckdb
    """
    from uploadtrends import privacy
    from uploadtrends.store import open_store
    from uploadtrends.store.export import export_parquet, export_report

    hide = None
    if not identify:
        if key not in (None, "new"):
            raise typer.BadParameter("--key takes 'new'; a kept key is named with --key-file")
        secret = secrets.token_bytes(32) if key else privacy.load_key(key_file)

        def hide(platform: str, identifier: str) -> str:
            return privacy.pseudonym(secret, platform, identifier)

    with open_store(store) as opened:
        typer.echo(f"Wrote {export_parquet(opened, folder, hide, period=period)}")
    typer.echo(export_report(folder))
