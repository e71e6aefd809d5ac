-- A ledger and its log. Every table of a ledger has county_id first in each key, so
-- that it can be distributed by it.
CREATE TABLE ledger (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    distribution text NOT NULL,
    seq bigint NOT NULL,
    head_hash bytea NOT NULL,
    at timestamptz,
    frame jsonb NOT NULL,
    CONSTRAINT ledger_pk PRIMARY KEY (county_id, measure_code),
    CONSTRAINT ledger_seq_counts_from_0 CHECK (seq >= 0),
    CONSTRAINT ledger_head_is_a_digest CHECK (length(head_hash) = 32),
    CONSTRAINT ledger_distribution_is_known
        CHECK (distribution IN ('COUNTY_POOL', 'BY_MUNICIPALITY'))
);

-- One row per acknowledged command: decision log, change feed, record of requests.
CREATE TABLE ledger_log (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    seq bigint NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL,
    header bytea NOT NULL,
    payload bytea NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ledger_log_pk PRIMARY KEY (county_id, measure_code, seq),
    CONSTRAINT ledger_log_request_happens_once UNIQUE (county_id, measure_code, request_id),
    CONSTRAINT ledger_log_of_a_ledger FOREIGN KEY (county_id, measure_code)
        REFERENCES ledger (county_id, measure_code),
    CONSTRAINT ledger_log_hashes_are_digests
        CHECK (length(prev_hash) = 32 AND length(hash) = 32)
);

-- The very bytes that were answered, for 30 days; after that only whose call it was, so
-- that a retry is told from another's call.
CREATE TABLE ledger_answer (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    seq bigint NOT NULL,
    fingerprint bytea NOT NULL,
    response bytea,
    at timestamptz NOT NULL,
    CONSTRAINT ledger_answer_pk PRIMARY KEY (county_id, measure_code, seq)
);
CREATE INDEX ledger_answer_by_time ON ledger_answer (at) WHERE response IS NOT NULL;

-- What takes effect by itself, and when.
CREATE TABLE schedule (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    due_at timestamptz NOT NULL,
    kind text NOT NULL,
    thing uuid NOT NULL,
    CONSTRAINT schedule_pk PRIMARY KEY (county_id, measure_code, due_at, kind, thing)
);
CREATE INDEX schedule_by_time ON schedule (due_at);

-- Names of resources in other systems.
CREATE TABLE external_reference (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    system text NOT NULL,
    reference_id text NOT NULL,
    resource_id uuid NOT NULL,
    CONSTRAINT external_reference_names_one_resource
        PRIMARY KEY (county_id, measure_code, system, reference_id)
);

-- Proves that a service has this database's keys before it writes a single digest.
CREATE TABLE key_check (
    county_id text NOT NULL,
    check_value bytea NOT NULL,
    CONSTRAINT key_check_is_one PRIMARY KEY (county_id)
);

-- The registry's rows by version; a row is never changed.
CREATE TABLE registry_row (
    county_id text NOT NULL,
    kind text NOT NULL,
    natural_key text NOT NULL,
    version bigint NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT registry_row_pk PRIMARY KEY (county_id, kind, natural_key, version)
);
