-- One person's entries in all areas.
CREATE INDEX entry_by_person ON entry (person_id, registered_time_us, entry_id);
