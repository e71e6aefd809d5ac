-- Where each recorder's chain ends, so that its last rows cannot be cut off unseen.
CREATE TABLE access_recorder (
    county_id text NOT NULL,
    recorder_id uuid NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT access_recorder_pk PRIMARY KEY (county_id, recorder_id),
    CONSTRAINT access_recorder_number_counts_from_1 CHECK (number >= 1),
    CONSTRAINT access_recorder_hash_is_a_digest CHECK (length(hash) = 32)
);
