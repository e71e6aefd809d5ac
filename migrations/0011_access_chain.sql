-- Accesses are chained, so that none can be taken out or changed unseen. Each service
-- that runs is a recorder with a chain of its own in each county; rows from before have none.
ALTER TABLE access_log
    ADD COLUMN recorder_id uuid,
    ADD COLUMN number bigint,
    ADD COLUMN prev_hash bytea,
    ADD COLUMN hash bytea,
    ADD CONSTRAINT access_log_is_chained_whole
        CHECK (num_nonnulls(recorder_id, number, prev_hash, hash) IN (0, 4)),
    ADD CONSTRAINT access_log_number_counts_from_1 CHECK (number >= 1),
    ADD CONSTRAINT access_log_hashes_are_digests
        CHECK (length(prev_hash) = 32 AND length(hash) = 32),
    ADD CONSTRAINT access_log_chain_has_no_forks UNIQUE (county_id, recorder_id, number);
