"""What a refusal says of settings can be typed: the flag, not the argument of a function."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import run

from uploadtrends.cli.flags import in_flags

TABLE = [
    *("load", "table", "works.csv", "--store", "s.duckdb", "--option", "platform=mine"),
    *("--column", "upload_id=id", "--column", "artist_id=who", "--column", "published_at=at"),
]
MONTHS = "month,works\n" + "".join(
    f"{2010 + n // 12}-{n % 12 + 1:02d}-01,{n % 7}\n" for n in range(96)
)


@pytest.mark.parametrize(
    ("content", "arguments", "said", "never"),
    [
        (
            b"id,who,at\n1,a,1/2/2021\n2,b,3/4/2021\n",
            TABLE,
            [
                "say --option date_format=... (1,a,1/2/2021)",
                "2 January 2021 with --option date_format=%m/%d/%Y, "
                "1 February 2021 with --option date_format=%d/%m/%Y",
                "allow more with --max-rejects (now 0.05)",
            ],
            ["date_format='", "max_rejects"],
        ),
        (
            "id,who,at\n1,Zoë,2021-01-02\n2,Renée,2021-01-03\n".encode("utf-16"),
            TABLE,
            ["--option encoding=utf-16"],
            ["encoding='"],
        ),
        (
            b'id;who;at\n1;"a;2021-01-01\n2;b;2021-01-01\n',
            TABLE,
            ["--option quote= if"],
            ["quote=''"],
        ),
        (
            b"id,who,at\n1,a,2021-01-02\n",
            [*TABLE[:-4]],
            ["--column published_at=..."],
            ["columns="],
        ),
        (
            MONTHS.encode(),
            [
                *("its", "works.csv", "--event", "2014-03-01"),
                *("--method", "count-ar1", "--option", "scale=level"),
            ],
            ["leave --option scale=auto or"],
            ['scale="auto"'],
        ),
        (
            MONTHS.encode(),
            ["change-points", "works.csv", "--option", "cost=poisson"],
            ["leave --option cost=auto, or say --penalty mbic"],
            ['penalty="'],
        ),
    ],
)
def test_a_refusal_names_what_can_be_typed(
    tmp_path: Path, content: bytes, arguments: list[str], said: list[str], never: list[str]
) -> None:
    (tmp_path / "works.csv").write_bytes(content)
    done = run(*arguments, folder=tmp_path, COLUMNS="1000")
    assert done.returncode in (1, 3)
    for text in said:
        assert text in done.stderr
    for text in never:
        assert text not in done.stderr


def test_a_dry_run_names_it_too(tmp_path: Path) -> None:
    (tmp_path / "works.csv").write_text("id,who,at\n1,a,1/2/2021\n")
    done = run(*TABLE, "--dry-run", folder=tmp_path)
    assert "say --option date_format=... (row 1" in done.stdout


FLAGS = {
    "max_rejects": ["--max-rejects"],
    "groups": ["--group"],
    "trend": ["--trend", "--no-trend"],
    "columns": ["--column"],
    "platform": ["--platform"],
    "path": [],
}


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("use trend=False", "use --no-trend"),
        ("use trend=True, or none", "use --trend, or none"),
        ("leave groups=['a b', 'c']", "leave --group 'a b' --group c"),
        ('columns={"uploads": ("x", "total")}', "--column uploads=x/total"),
        ("restrict platform=, or load", "restrict --platform, or load"),
        ("give it in covariates=", "give it in --option covariates=..."),
        ("quote='' or delimiter=';'", "--option quote= or --option 'delimiter=;'"),
        ("format (quote.joined_at=...), or", "format (--option quote.joined_at=...), or"),
        ("(quote.ai=1:false,2:true,0: for", "(--option quote.ai=1:false,2:true,0: for"),
        ("the file max_rejects.csv", "the file max_rejects.csv"),
        ("give quote=... with it", "give --option quote=... with it"),
        ("memory_limit=2GB", "memory_limit=2GB"),  # not of this command
        ("(column 'max_rejects', value 3)", "(column 'max_rejects', value 3)"),
        ("open_store(path, max_rejects=3)", "open_store(path, max_rejects=3)"),
        ("known: hac_lags, quote", "known: hac_lags, quote"),
        ("add quote = ... to the study", "add quote = ... to the study"),
        ("the trend of path=here", "the trend of path=here"),
    ],
)
def test_only_settings_of_the_command_are_said_anew(message: str, right: str) -> None:
    assert in_flags(message, FLAGS, ("quote", "delimiter", "covariates", "hac_lags")) == right
