-- Which keys each running service has: a key is used only when all of them know it.
CREATE TABLE key_holder (
    county_id text NOT NULL,
    holder_id uuid NOT NULL,
    current_version integer NOT NULL,
    versions integer[] NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT key_holder_pk PRIMARY KEY (county_id, holder_id)
);

-- Which key versions are or were written under: a service that lacks one in use would fail, and
-- one that writes under a retired one would seal what nobody opens.
CREATE TABLE key_version (
    county_id text NOT NULL,
    key_version integer NOT NULL,
    retired boolean NOT NULL,
    CONSTRAINT key_version_pk PRIMARY KEY (county_id, key_version),
    CONSTRAINT key_version_is_counted_from_one CHECK (key_version >= 1)
);

-- Numbers a person had before, as ciphertext: each is still found, also after a change of keys.
CREATE TABLE person_former_number (
    person_id uuid NOT NULL,
    former_id uuid NOT NULL,
    identity bytea NOT NULL,
    CONSTRAINT person_former_number_pk PRIMARY KEY (person_id, former_id),
    CONSTRAINT person_former_number_of_a_person FOREIGN KEY (person_id)
        REFERENCES person (person_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON key_holder TO tiltaksplass_write;
GRANT SELECT, INSERT, UPDATE (retired) ON key_version TO tiltaksplass_write;
GRANT SELECT, INSERT, UPDATE (identity) ON person_former_number TO tiltaksplass_write;
