-- Redistribution plans (omfordelingsplaner), with what was said of them.
CREATE TABLE plan (
    county_id text NOT NULL,
    measure_code text NOT NULL,
    plan_id uuid NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT plan_pk PRIMARY KEY (county_id, measure_code, plan_id)
);
