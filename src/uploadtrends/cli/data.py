"""Commands that move files: load, fetch, export."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from uploadtrends.cli.flags import in_command, takes
from uploadtrends.cli.options import (
    DEFAULT_RAW,
    DEFAULT_STORE,
    AsJson,
    KeyFile,
    MemoryLimit,
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
        typer.Argument(help="table, series, id_clock, danbooru2023, kblueleaf, pixiv, e621, ..."),
    ],
    path: Annotated[Path, typer.Argument(help="The file, a folder of files, or a pattern.")],
    store: StorePath = DEFAULT_STORE,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="field=column of a table, or column=platform/group of series; repeatable. With "
            "platform=column a table of several platforms is loaded one after the other.",
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="name=value of the source, such as platform=mysite, date_format.joined_at=%Y or "
            "values.ai_label=1:false,2:true,0: (repeatable).",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="For table: the mapping of a known file (unsplash, reddit, civitai, diffusiondb).",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="For table: show how the file would be read; load nothing."),
    ] = False,
    max_rejects: Annotated[
        float, typer.Option("--max-rejects", help="Share (below 1) or number of bad rows allowed.")
    ] = 0.05,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
) -> None:
    """Load a file into the store; loading it again changes nothing.

    Example: uploadtrends load table works.csv --option platform=mysite
    --column artist_id=author --column upload_id=id --column published_at=posted
    """
    from uploadtrends.study.sources import make_source, source_settings

    takes(source_settings(source))
    given = load_options(options, columns, preset)
    if dry_run:
        _show_preview(source, path, given, as_json=as_json)
        return
    from uploadtrends.cli.progress import load_display
    from uploadtrends.store import open_store

    if source == "series" and "columns" in given:
        # A series is a group of a platform: platform/group.
        given["columns"] = {
            name: tuple(value.split("/", 1)) if "/" in value else value
            for name, value in given["columns"].items()
        }
    several = _by_platform(source, path, given)
    made = [make_source(source, path, one) for one in several]
    store.parent.mkdir(parents=True, exist_ok=True)
    limit = max_rejects if max_rejects < 1 else int(max_rejects)
    told = []
    for options_of, one in zip(several, made, strict=True):
        with (
            open_store(store, read_only=False, memory_limit=memory_limit) as opened,
            load_display(quiet=as_json) as progress,
        ):
            report = opened.load(one, max_rejects=limit, progress=progress)
        told.append(report.to_dict())
        if not as_json:
            named = f"{options_of['platform']}, " if len(made) > 1 else ""
            typer.echo(in_command(f"{named}{report.summary()}"))
    if as_json:
        typer.echo(json.dumps(told if len(told) > 1 else told[0], indent=2, default=str))


def _by_platform(source: str, path: Path, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the options once for each platform, where a column of the table names them."""
    column = given.get("columns", {}).get("platform")
    if source != "table" or column is None or "platform" in given:
        return [given]
    from uploadtrends.sources.tables.platforms import platforms_in
    from uploadtrends.sources.tabular import Reading

    how = {name: given[name] for name in vars(Reading()) if name in given}
    found = platforms_in(path, column, Reading(**how))
    return [given | {"platform": name} for name in found] or [given]


def load_options(
    options: list[str] | None, columns: list[str] | None, preset: str | None
) -> dict[str, Any]:
    """Return the options of a source from what stands on the command line.

    ``name.key=value`` fills a table, a name given twice becomes a list, and ``values.FIELD`` takes
    pairs such as ``1:false,2:true,0:`` (nothing behind the colon: unknown).
    """
    given: dict[str, Any] = {}
    if preset is not None:
        from uploadtrends.sources.presets import preset_options

        given = preset_options(preset)
    mapped: dict[str, Any] = {}
    written: dict[str, list[str]] = {}
    for text in options or []:
        for name, value in pairs([text], "--option").items():
            written.setdefault(name, []).append(value)
    for name, values in written.items():
        one: Any = values[0] if len(values) == 1 else values
        table, _, key = name.partition(".")
        if table == "values":
            one = _meanings(",".join(values))
        if key:
            mapped.setdefault(table, {})[key] = one
        else:
            given[name] = one
    for table, inside in mapped.items():
        plain = given.pop(table, None)
        given[table] = inside if plain is None else {"": plain} | inside
    if columns:
        given["columns"] = given.get("columns", {}) | pairs(columns, "--column")
    return given


def _meanings(text: str) -> dict[str, Any]:
    """Read ``1:false,2:true,0:``."""
    words = {"true": True, "false": False, "": None}
    meanings = (one.rpartition(":") for one in text.split(","))
    return {given: words.get(meant.lower(), meant) for given, _, meant in meanings}


def _show_preview(source: str, path: Path, given: dict[str, Any], *, as_json: bool) -> None:
    if source != "table":
        raise typer.BadParameter("--dry-run is for the source table")
    from uploadtrends.sources.preview import preview

    seen = preview(path, given.pop("columns", None), **given)
    if as_json:
        show_record(seen.to_dict(), as_json=True)
    else:
        typer.echo(in_command(seen.summary()))


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
    memory_limit: MemoryLimit = None,
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

    with open_store(store, memory_limit=memory_limit) as opened:
        typer.echo(f"Wrote {export_parquet(opened, folder, hide, period=period)}")
    typer.echo(export_report(folder))
