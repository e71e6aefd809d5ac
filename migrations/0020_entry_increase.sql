-- A person has one open entry in a ledger, and beside it the entry by which a larger share of
-- the place they have is waited for: that one has no claim of its own.
DO $$
BEGIN
    DROP INDEX entry_person_has_one_open;
    CREATE UNIQUE INDEX entry_person_has_one_open
        ON entry (county_id, measure_code, person_id)
        WHERE state <> 'CLOSED' AND doc->>'increase_of' IS NULL;
END $$;
