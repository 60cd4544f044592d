-- Where a source puts its rows before the store merges them: the store's columns without crawl ids.
CREATE OR REPLACE TEMP TABLE stage_artist (
    platform VARCHAR, artist_id VARCHAR, handle VARCHAR, joined_at TIMESTAMP, joined_basis VARCHAR,
    frame VARCHAR, inclusion_probability DOUBLE, design_weight DOUBLE
);
CREATE OR REPLACE TEMP TABLE stage_upload (
    platform VARCHAR, upload_id VARCHAR, published_at TIMESTAMP, date_basis VARCHAR,
    date_precision VARCHAR, date_error_seconds BIGINT, arrived_at TIMESTAMP, kind VARCHAR,
    media_count INTEGER, is_mature BOOLEAN, ai_label BOOLEAN, ai_basis VARCHAR, status VARCHAR,
    instrument VARCHAR, unattributed VARCHAR, source_platform VARCHAR, source_key VARCHAR,
    updated_at TIMESTAMP
);
CREATE OR REPLACE TEMP TABLE stage_credit (
    platform VARCHAR, upload_id VARCHAR, artist_id VARCHAR, n_artists INTEGER
);
CREATE OR REPLACE TEMP TABLE stage_sighting (
    platform VARCHAR, artist_id VARCHAR, status VARCHAR, complete BOOLEAN, truncated BOOLEAN,
    n_uploads BIGINT, followers BIGINT, n_claimed BIGINT
);
CREATE OR REPLACE TEMP TABLE stage_series (
    series_id VARCHAR, platform VARCHAR, grouping VARCHAR, period DATE, frequency VARCHAR,
    value DOUBLE, unit VARCHAR, low DOUBLE, high DOUBLE, interpolated BOOLEAN, source VARCHAR
);
CREATE OR REPLACE TEMP TABLE stage_reject (position VARCHAR, reason VARCHAR, excerpt VARCHAR);
CREATE OR REPLACE TEMP TABLE stage_tally (what VARCHAR, field VARCHAR, n BIGINT, example VARCHAR);
