-- A placement waits for one larger share at a time.
CREATE UNIQUE INDEX entry_placement_has_one_increase
    ON entry (county_id, measure_code, (doc->>'increase_of'))
    WHERE state <> 'CLOSED' AND doc->>'increase_of' IS NOT NULL;
