-- Who waits, is offered a place, or has one. The full story of each row is its doc;
-- the other columns are what queries and constraints need of it.
CREATE TABLE entry (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    entry_id uuid NOT NULL,
    person_id uuid NOT NULL,
    state text NOT NULL,
    municipality_number text NOT NULL,
    following_office_number text NOT NULL,
    order_time_us bigint NOT NULL,
    registered_time_us bigint NOT NULL,
    join_seq bigint NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT entry_pk PRIMARY KEY (county_id, measure_code, entry_id)
);
CREATE UNIQUE INDEX entry_person_has_one_open
    ON entry (county_id, measure_code, person_id) WHERE state <> 'CLOSED';
CREATE INDEX entry_by_order
    ON entry (county_id, measure_code, state, order_time_us, registered_time_us, join_seq);

-- The lean rows of those who are eligible, apart from history.
CREATE TABLE waiting (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    queue text NOT NULL,
    order_time_us bigint NOT NULL,
    registered_time_us bigint NOT NULL,
    join_seq bigint NOT NULL,
    entry_id uuid NOT NULL,
    municipality_number text NOT NULL,
    preferred uuid[] NOT NULL,
    CONSTRAINT waiting_pk PRIMARY KEY
        (county_id, measure_code, queue, order_time_us, registered_time_us, join_seq),
    CONSTRAINT waiting_entry_stands_once UNIQUE (county_id, measure_code, entry_id)
);
CREATE INDEX waiting_by_order
    ON waiting (county_id, measure_code, order_time_us, registered_time_us, join_seq);

-- A queue, and the key before which nobody eligible stands.
CREATE TABLE queue (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    queue text NOT NULL,
    watermark_order_us bigint NOT NULL,
    watermark_registered_us bigint NOT NULL,
    watermark_seq bigint NOT NULL,
    CONSTRAINT queue_pk PRIMARY KEY (county_id, measure_code, queue)
);

CREATE TABLE offer (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    offer_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    state text NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT offer_pk PRIMARY KEY (county_id, measure_code, offer_id),
    CONSTRAINT offer_of_an_entry FOREIGN KEY (county_id, measure_code, entry_id)
        REFERENCES entry (county_id, measure_code, entry_id)
);
CREATE UNIQUE INDEX offer_entry_has_one_open ON offer (county_id, measure_code, entry_id)
    WHERE state IN ('PROPOSED', 'OFFERED', 'ACCEPTED');

CREATE TABLE placement (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    placement_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    state text NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT placement_pk PRIMARY KEY (county_id, measure_code, placement_id),
    CONSTRAINT placement_of_an_entry FOREIGN KEY (county_id, measure_code, entry_id)
        REFERENCES entry (county_id, measure_code, entry_id)
);
CREATE UNIQUE INDEX placement_entry_has_one_open
    ON placement (county_id, measure_code, entry_id) WHERE state <> 'ENDED';
