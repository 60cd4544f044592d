"""When the artist published what an archive received later: read from where the work was taken.

Danbooru's `created_at` is the moment somebody else posted the work there. Its `source` often holds
the original's date:

- a pixiv image path is the date and time of publication in Japan (a later revision of the image
  moves it forward, so it is the date of the version that was reposted);
- a Twitter/X status id is a snowflake: the bits above the 22nd are milliseconds since
  1288834974657 (November 2010, when ids began to be made that way);
- a pixiv artwork id alone is dated between neighbours that carry a path (`store.redating`);
- ArtStation and DeviantArt addresses lead to works that those platforms' collectors may have dated.
"""

from __future__ import annotations

SNOWFLAKE_EPOCH_MS = 1288834974657
FIRST_SNOWFLAKE = 29700859247
"""Status ids below this (4 November 2010) were plain sequence numbers."""
JAPAN_AHEAD_HOURS = 9

_PIXIV_HOST = "(contains({s}, 'pximg.net/') OR contains({s}, 'pixiv.net/'))"
_PIXIV_ID = "(?:/artworks/|illust_id=|pixiv\\.net/i/|/img/[^?]*/)([0-9]{3,10})(?:[^0-9]|$)"
_STATUS = "(?:twitter|//x|\\.x)\\.com/[^/]+/[^/]*/?status(?:es)?/([0-9]{9,19})"
_PLAIN_STATUS = "^https://(?:twitter|x)\\.com/[^/]+/status/([0-9]{9,19})(?:[^0-9]|$)"
_ARTSTATION = "artstation\\.com/(?:artwork|projects)/([A-Za-z0-9]+)"
_DEVIANTART_NAMED = "deviantart\\.com/.*?(?:/art/|/deviation/).*?([0-9]+)(?:$|[?#])"
_DEVIANTART_VIEW = "deviantart\\.com/(?:view|deviation)/([0-9]+)"


def pixiv_path_date(source: str) -> str:
    """Return the SQL of the UTC time in a pixiv image path; NULL where there is none."""
    # .../img/2020/07/26/23/24/44/83084890_p0.png, found by position: no pattern is as fast.
    text = f"substr({source}, strpos({source}, '/img/') + 5, 19)"
    return (
        f"CASE WHEN contains({source}, '/img/') AND {_PIXIV_HOST.format(s=source)} "
        f"THEN try_strptime({text}, '%Y/%m/%d/%H/%M/%S') - INTERVAL {JAPAN_AHEAD_HOURS} HOUR END"
    )


def status_id(source: str) -> str:
    """Return the SQL of the Twitter/X status id (BIGINT) in an address; NULL without one."""
    # A pattern that begins where the text does is three times as fast; it fits nearly all.
    plain, anywhere = (
        f"nullif(regexp_extract({source}, '{pattern}', 1), '')"
        for pattern in (_PLAIN_STATUS, _STATUS)
    )
    return (
        f"CASE WHEN contains({source}, '/status') "
        f"THEN try_cast(coalesce({plain}, {anywhere}) AS BIGINT) END"
    )


def snowflake_date(status: str) -> str:
    """Return the SQL of the UTC time in a snowflake id; NULL for ids from before snowflakes."""
    return (
        f"CASE WHEN {status} >= {FIRST_SNOWFLAKE} "
        f"THEN make_timestamp((({status} >> 22) + {SNOWFLAKE_EPOCH_MS}) * 1000) END"
    )


def source_platform(source: str, pixiv_id: str, status: str) -> str:
    """Return the SQL of the platform a work was taken from; NULL when it is none we can use.

    `status` is a column that holds `status_id`.
    """
    return (
        f"CASE WHEN {pixiv_id} IS NOT NULL OR {_PIXIV_HOST.format(s=source)} THEN 'pixiv' "
        f"WHEN {status} IS NOT NULL THEN 'twitter' "
        f"WHEN contains({source}, 'artstation.com/') THEN 'artstation' "
        f"WHEN contains({source}, 'deviantart.com/') THEN 'deviantart' END"
    )


def source_key(source: str, platform: str, pixiv_id: str, status: str) -> str:
    """Return the SQL of the work's key on the platform it was taken from; `status` as above."""
    deviation = (
        f"coalesce(nullif(regexp_extract({source}, '{_DEVIANTART_VIEW}', 1), ''), "
        f"nullif(regexp_extract({source}, '{_DEVIANTART_NAMED}', 1), ''))"
    )
    return (
        f"CASE {platform} WHEN 'pixiv' THEN coalesce(CAST({pixiv_id} AS VARCHAR), "
        f"nullif(regexp_extract({source}, '{_PIXIV_ID}', 1), '')) "
        f"WHEN 'twitter' THEN CAST({status} AS VARCHAR) "
        f"WHEN 'artstation' THEN nullif(regexp_extract({source}, '{_ARTSTATION}', 1), '') "
        f"WHEN 'deviantart' THEN {deviation} END"
    )
