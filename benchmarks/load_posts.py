"""Write a file of Danbooru-like posts of any size, drawn from `uploadtrends.simulate`.

Artists, their numbers of works and the dates of publication come from the simulated population;
how works reach the archive (lag, source address, co-artists, tags, deleted and banned posts) is
drawn here. Rows have the keys and about the size (3.1 kB) of the real dump, tags that differ from
post to post, offsets of summer and winter, escapes, and the gaps of banned posts, which lack their
files.

    python benchmarks/load_posts.py posts.json --posts 1000000
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from uploadtrends.simulate import population

_TAGS = [
    *("1girl", "solo", "long_hair", "looking_at_viewer", "smile", "blue_eyes", "open_mouth"),
    *("simple_background", "white_background", "ribbon", "sitting", "full_body", "outdoors", "sky"),
    *("flower", "night", "window", "armor", "dress", "gloves", "wings", "animal_ears", "jewelry"),
]
_GONE = ("md5", "file_url", "large_file_url", "preview_file_url")
"""Keys that a banned post lacks."""
_BLOCK = 1_000_000
_SHARES = {"pixiv path": 0.45, "twitter": 0.30, "pixiv page": 0.10, "other": 0.10, "none": 0.05}

# Only the first bytes of the long constant fields matter to a parser: their number does.
_POST = """
SELECT id, stamp(created) AS created_at, 500000 + id % 977 AS uploader_id, id % 200 AS score,
  CASE kind
    WHEN 0 THEN strftime(jst, 'https://i.pximg.net/img-original/img/%Y/%m/%d/%H/%M/%S/')
         || pixiv || '_p0.png'
    WHEN 1 THEN 'https://twitter.com/' || artist || '/status/' || status
    WHEN 2 THEN 'https://www.pixiv.net/artworks/' || pixiv
    WHEN 3 THEN 'https://www.example.net/gallery/' || id || '?q="'
         || chr(CAST(28450 + id % 99 AS INTEGER)) || '"'
    ELSE '' END AS source,
  md5(id::VARCHAR) AS md5, NULL AS last_comment_bumped_at, ['g','s','q','e'][1 + id % 4] AS rating,
  1200 + id % 800 AS image_width, 1600 AS image_height,
  tags || ' ' || artist_tags || ' original' AS tag_string, id % 150 AS fav_count, 'jpg' AS file_ext,
  NULL AS last_noted_at, NULL AS parent_id, false AS has_children, NULL AS approver_id,
  30 AS tag_count_general, 1 AS tag_count_artist, 0 AS tag_count_character,
  1 AS tag_count_copyright, 400000 + id % 99991 AS file_size, 42 AS up_score, -1 AS down_score,
  false AS is_pending, false AS is_flagged, id % 17 = 0 AS is_deleted, 33 AS tag_count,
  stamp(created + INTERVAL 40 DAY) AS updated_at, id % 503 = 0 AS is_banned,
  CASE WHEN kind IN (0, 2) THEN pixiv END AS pixiv_id, NULL AS last_commented_at,
  false AS has_active_children, 0 AS bit_flags, 1 AS tag_count_meta, true AS has_large,
  false AS has_visible_children,
  {'id': id + 900000, 'created_at': stamp(created), 'updated_at': stamp(created),
   'md5': md5(id::VARCHAR), 'file_ext': 'jpg', 'file_size': 400000 + id % 99991,
   'image_width': 1200 + id % 800, 'image_height': 1600, 'duration': NULL, 'status': 'active',
   'file_key': left(md5('k' || id), 9), 'is_public': true, 'pixel_hash': md5('p' || id),
   'variants': [{'type': t, 'url': 'https://cdn.example/' || t || '/' || md5(id::VARCHAR) || '.jpg',
     'width': 135, 'height': 180, 'file_ext': 'jpg'}
     FOR t IN ['180x180', '360x360', 'original']]} AS media_asset,
  tags AS tag_string_general, '' AS tag_string_character, 'original' AS tag_string_copyright,
  artist_tags AS tag_string_artist, meta AS tag_string_meta,
  'https://cdn.example/original/' || md5(id::VARCHAR) || '.jpg' AS file_url,
  'https://cdn.example/sample/' || md5(id::VARCHAR) || '.jpg' AS large_file_url,
  'https://cdn.example/preview/' || md5(id::VARCHAR) || '.jpg' AS preview_file_url
FROM post
"""


def draw_posts(n_posts: int, *, seed: int = 0) -> pl.DataFrame:
    """Draw posts: id, created (UTC), published, artist, co_artist, kind of source, tags.

    Ids rise with arrival; publication precedes arrival by a lag of minutes to months.
    """
    per_artist = 60  # works of a simulated artist over six years, about
    people = population(
        max(50, n_posts // per_artist), platforms=("danbooru",), start="2018-01-01", seed=seed
    )
    works = people.uploads.select("artist_id", "published_at")
    rng = np.random.default_rng(seed)
    picked = rng.choice(works.height, n_posts, replace=works.height < n_posts)
    works = works[np.sort(picked)]
    lag_s = np.exp(rng.normal(np.log(6 * 3600), 2.5, n_posts)).clip(120, 3e7)
    # An address tells the time to the second at best, so the truth is kept to the second.
    frame = works.with_columns(
        pl.col("published_at").dt.truncate("1s").alias("published"),
        pl.Series("lag", (lag_s * 1e6).astype(np.int64)).cast(pl.Duration("us")),
        pl.Series("kind", rng.choice(len(_SHARES), n_posts, p=list(_SHARES.values()))),
        pl.Series("has_co", rng.random(n_posts) < 0.04),
        pl.Series("nobody", rng.random(n_posts) < 0.03),
        pl.Series("ai", rng.random(n_posts) < 0.02),
    )
    frame = frame.with_columns((pl.col("published") + pl.col("lag")).alias("created"))
    return frame.sort("created").with_row_index("id", offset=1)


def write_many(path: Path, n_posts: int, *, seed: int = 0) -> None:
    """Write posts of any number: above a million, the first million again under other ids."""
    write_posts(path, min(n_posts, _BLOCK), seed=seed)
    with path.open("ab") as out:
        for shift in range(_BLOCK, n_posts, _BLOCK):
            with path.open("rb") as lines:
                for line in islice(lines, min(_BLOCK, n_posts - shift)):
                    post_id, comma, rest = line.partition(b",")
                    number = int(post_id.removeprefix(b'{"id":')) + shift
                    out.write(b'{"id":%d' % number + comma + rest)


def write_posts(path: Path, n_posts: int, *, seed: int = 0) -> pl.DataFrame:
    """Write posts as JSON Lines and return what was drawn (see `draw_posts`)."""
    frame = draw_posts(n_posts, seed=seed)
    con = duckdb.connect()
    con.execute("SET memory_limit = '2GB'")
    con.execute("SET temp_directory = ?", [str(path) + ".tmp"])
    con.register("drawn", frame.drop("published_at", "lag"))
    con.execute("SET TimeZone = 'America/New_York'")
    con.execute(
        "CREATE MACRO stamp(t) AS strftime(CAST(timezone('UTC', t) AS TIMESTAMPTZ), "
        "'%Y-%m-%dT%H:%M:%S.%g') || CASE WHEN date_part('timezone_hour', timezone('UTC', t)) = -4 "
        "THEN '-04:00' ELSE '-05:00' END"
    )
    rng = np.random.default_rng(seed)
    words = [*_TAGS, *(f"{one}_{other}" for one in _TAGS for other in _TAGS if one != other)]
    pools = [" ".join(rng.choice(words, 36, replace=False)) for _ in range(4999)]
    con.execute(
        "CREATE TABLE pool AS SELECT unnest(?) AS tags, unnest(range(?)) AS n", [pools, len(pools)]
    )
    con.execute(
        """
        CREATE VIEW post AS SELECT d.*, 'artist_' || artist_id AS artist, tags,
          CASE WHEN nobody THEN ''
            WHEN has_co THEN 'artist_' || artist_id || ' co_artist_' || id % 97
            ELSE 'artist_' || artist_id END AS artist_tags,
          CASE WHEN ai THEN 'ai-generated highres' WHEN nobody AND id % 2 = 0 THEN 'artist_request'
            ELSE 'highres commentary' END AS meta,
          published + INTERVAL 9 HOUR AS jst,
          -- pixiv ids rise with time: about one in five seconds since September 2007
          CAST((epoch(published) - 1189382400) / 5 AS BIGINT) AS pixiv,
          (epoch_ms(published) - 1288834974657) << 22 AS status
        FROM drawn d JOIN pool ON pool.n = d.id % """
        + str(len(pools))
    )
    gone = "json_merge_patch(to_json(p), '{" + ", ".join(f'"{k}": null' for k in _GONE) + "}')"
    con.execute(
        f"COPY (SELECT CASE WHEN is_banned THEN {gone} ELSE to_json(p) END FROM ({_POST}) p) "
        f"TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )
    con.close()
    return frame


def main() -> None:
    """Write a file from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given: Any = parser.parse_args()
    write_many(given.path, given.posts, seed=given.seed)
    print(f"{given.path}: {given.posts:,} posts, {given.path.stat().st_size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
