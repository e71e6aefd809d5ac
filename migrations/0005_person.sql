-- People, keyed by person: the named exception from county_id, since a person is one
-- person in every area. An identity number stands here as ciphertext and as a keyed
-- digest to find it by, and nowhere else.
CREATE TABLE person (
    person_id uuid NOT NULL,
    identity bytea NOT NULL,
    data_key bytea NOT NULL,
    CONSTRAINT person_pk PRIMARY KEY (person_id)
);

CREATE TABLE person_key (
    key_version integer NOT NULL,
    hmac bytea NOT NULL,
    person_id uuid NOT NULL,
    CONSTRAINT person_key_finds_one_person PRIMARY KEY (key_version, hmac),
    CONSTRAINT person_key_of_a_person FOREIGN KEY (person_id) REFERENCES person (person_id),
    CONSTRAINT person_key_hmac_is_a_digest CHECK (length(hmac) = 32)
);

-- A person's one open entry per measure type, in all areas together.
CREATE TABLE person_claim (
    person_id uuid NOT NULL,
    measure_code text NOT NULL,
    county_id text NOT NULL,
    entry_id uuid,
    CONSTRAINT person_claim_is_one_per_measure PRIMARY KEY (person_id, measure_code),
    CONSTRAINT person_claim_of_a_person FOREIGN KEY (person_id) REFERENCES person (person_id)
);

-- Every read of personal data: who, what, of whom, and the outcome.
CREATE TABLE access_log (
    county_id text NOT NULL,
    access_id uuid NOT NULL,
    at timestamptz NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    organisation text NOT NULL,
    employer text NOT NULL,
    method text NOT NULL,
    measure_code text NOT NULL,
    purpose text NOT NULL,
    entry_ids uuid[] NOT NULL,
    person_ids uuid[] NOT NULL,
    permitted boolean NOT NULL,
    CONSTRAINT access_log_pk PRIMARY KEY (county_id, access_id)
);
