-- Everything an entry ever led to.
CREATE INDEX placement_by_entry ON placement (county_id, measure_code, entry_id, placement_id);
