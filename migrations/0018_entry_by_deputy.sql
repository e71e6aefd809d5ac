-- The open entries somebody stands in for.
CREATE INDEX entry_by_deputy ON entry (deputy_digest, county_id, measure_code, entry_id)
    WHERE state <> 'CLOSED';
