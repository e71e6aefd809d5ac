-- Everything that was ever held for an entry.
CREATE INDEX offer_by_entry ON offer (county_id, measure_code, entry_id, offer_id);
