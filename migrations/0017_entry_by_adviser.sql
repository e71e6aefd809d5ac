-- One case worker's open entries. The digest comes first so that this index never stands in for
-- the primary key, as with `entry_by_state`.
CREATE INDEX entry_by_adviser ON entry (adviser_digest, county_id, measure_code, entry_id)
    WHERE state <> 'CLOSED';
