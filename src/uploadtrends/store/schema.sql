-- The store. Times are timezone-naive UTC; unknown is NULL, never a guess.
-- Bulk tables carry no PRIMARY KEY (its index costs memory): a load stages its rows and anti-joins them.

CREATE TABLE IF NOT EXISTS about (             -- the layout of this store; see store/version.py
    schema_version INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS artist (            -- an artist on a platform
    platform VARCHAR NOT NULL,
    artist_id VARCHAR NOT NULL,
    handle VARCHAR,
    joined_at TIMESTAMP,
    joined_basis VARCHAR,                      -- what joined_at stands for: account, first_listing, ...
    frame VARCHAR,                             -- the sampling frame that drew this artist
    inclusion_probability DOUBLE,
    design_weight DOUBLE
);

CREATE TABLE IF NOT EXISTS upload (            -- a work
    platform VARCHAR NOT NULL,
    upload_id VARCHAR NOT NULL,
    published_at TIMESTAMP,                    -- with date_basis 'arrival' this repeats arrived_at
    date_basis VARCHAR,                        -- published, arrival, source_url, interpolated
    date_precision VARCHAR,                    -- second, minute, day, month, year
    date_error_seconds BIGINT,                 -- bound of an interpolated date (half the gap), else NULL
    arrived_at TIMESTAMP,                      -- when a repost archive received it
    kind VARCHAR,
    media_count INTEGER,
    is_mature BOOLEAN,
    ai_label BOOLEAN,                          -- TRUE, FALSE, or NULL: nobody said
    ai_basis VARCHAR,
    status VARCHAR,                            -- listed, deleted, banned
    instrument VARCHAR,                        -- which listing counted it; windows never cross instruments
    unattributed VARCHAR,                      -- why a work has no credit: none, artist_request, ...; NULL if it has one
    source_platform VARCHAR,                   -- where a repost says it was taken from
    source_key VARCHAR,                        -- the work's key there
    updated_at TIMESTAMP,                      -- last change of the record at the platform; decides which version is newer
    first_crawl INTEGER,
    last_crawl INTEGER
);

CREATE TABLE IF NOT EXISTS credit (            -- an artist on a work
    platform VARCHAR NOT NULL,
    upload_id VARCHAR NOT NULL,
    artist_id VARCHAR NOT NULL,
    n_artists INTEGER                          -- how many share the work (full or fractional counting)
);

CREATE TABLE IF NOT EXISTS crawl (             -- one run of a source
    crawl_id INTEGER NOT NULL,
    source VARCHAR,
    parameters VARCHAR,                        -- JSON
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    raw_path VARCHAR[],
    raw_sha256 VARCHAR[],
    package_version VARCHAR,
    status VARCHAR,                            -- complete, incomplete, blocked
    n_artists BIGINT,
    n_uploads BIGINT,
    n_rejected BIGINT,
    covers_from TIMESTAMP,                     -- first and last date of its uploads, as published or
    covers_to TIMESTAMP,                       -- arrived: the period that holds the last one is cut short
    fingerprint VARCHAR,                       -- of source, parameters and input hashes: known ones are not loaded again
    n_read BIGINT,                             -- records in the input, counted apart: loaded + folded + rejected
    n_loaded BIGINT,
    n_folded BIGINT,                           -- repeats and older versions of rows
    tally VARCHAR                              -- JSON: rejected by reason, values that became NULL by field, unattributed
);

CREATE TABLE IF NOT EXISTS sighting (          -- one visit to one artist
    platform VARCHAR NOT NULL,
    artist_id VARCHAR NOT NULL,
    crawl_id INTEGER,
    status VARCHAR,                            -- ok, not_found, inactive, blocked, throttled, error, truncated, incomplete
    complete BOOLEAN,
    truncated BOOLEAN,
    n_uploads BIGINT,
    followers BIGINT,
    n_claimed BIGINT                           -- works that the profile or the list claims
);

CREATE TABLE IF NOT EXISTS reject (            -- an input row that could not be read
    crawl_id INTEGER,
    position VARCHAR,
    reason VARCHAR,
    excerpt VARCHAR
);

CREATE TABLE IF NOT EXISTS series (            -- one value of a published aggregate series
    series_id VARCHAR NOT NULL,
    platform VARCHAR,
    grouping VARCHAR,
    period DATE NOT NULL,                      -- first day of the period
    frequency VARCHAR,                         -- day, week, month, quarter, year
    value DOUBLE,
    unit VARCHAR,
    low DOUBLE,
    high DOUBLE,
    interpolated BOOLEAN,
    source VARCHAR
);

-- Columns that stores of 0.1.0 lack.
ALTER TABLE crawl ADD COLUMN IF NOT EXISTS n_read BIGINT;
ALTER TABLE crawl ADD COLUMN IF NOT EXISTS n_loaded BIGINT;
ALTER TABLE crawl ADD COLUMN IF NOT EXISTS n_folded BIGINT;
ALTER TABLE crawl ADD COLUMN IF NOT EXISTS tally VARCHAR;
