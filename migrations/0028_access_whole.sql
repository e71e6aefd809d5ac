-- More of each access: on which record it rested, on whose behalf and by which system it was
-- made, in which case and call, and the caller's name, for auditors. `form` tells how a row is
-- hashed. Rows from before, and those of a service that is not yet replaced, are of form 1 and
-- say nothing of this, so that their chains still follow.
ALTER TABLE access_log
    ADD COLUMN form smallint NOT NULL DEFAULT 1,
    ADD COLUMN authority uuid,
    ADD COLUMN on_behalf_of text NOT NULL DEFAULT '',
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN client text NOT NULL DEFAULT '',
    ADD COLUMN case_reference text NOT NULL DEFAULT '',
    ADD COLUMN call_id text NOT NULL DEFAULT '',
    ADD CONSTRAINT access_log_form_is_known CHECK (form IN (1, 2)),
    ADD CONSTRAINT access_log_form_1_says_no_more CHECK (form <> 1 OR (authority IS NULL
        AND on_behalf_of || name || client || case_reference || call_id = '')),
    ADD CONSTRAINT access_log_form_2_names_its_call CHECK (form <> 2 OR call_id <> '');
