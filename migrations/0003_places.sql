-- Places and the accounts they are debited to.
CREATE TABLE place_group (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    place_group_id uuid NOT NULL,
    organisation_number text NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT place_group_pk PRIMARY KEY (county_id, measure_code, place_group_id)
);

CREATE TABLE capacity_submission (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    submission_id uuid NOT NULL,
    state text NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT capacity_submission_pk PRIMARY KEY (county_id, measure_code, submission_id)
);

-- The second fence behind the rules: what is used cannot exceed the ceiling.
CREATE TABLE account (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    account_key text NOT NULL,
    limit_percent bigint NOT NULL,
    reserved_percent bigint NOT NULL,
    in_use_percent bigint NOT NULL,
    ceiling_percent bigint NOT NULL,
    CONSTRAINT account_pk PRIMARY KEY (county_id, measure_code, account_key),
    CONSTRAINT account_is_never_negative
        CHECK (limit_percent >= 0 AND reserved_percent >= 0 AND in_use_percent >= 0),
    CONSTRAINT account_use_stays_under_ceiling
        CHECK (reserved_percent + in_use_percent <= ceiling_percent),
    CONSTRAINT account_ceiling_is_limit_or_use
        CHECK (ceiling_percent = greatest(limit_percent, reserved_percent + in_use_percent))
);
