-- The access log is read by whose data were read, by who read them, by unit and by time.
CREATE INDEX access_log_by_entry ON access_log USING gin (entry_ids);
CREATE INDEX access_log_by_person ON access_log USING gin (person_ids);
CREATE INDEX access_log_by_subject ON access_log (subject, at, access_id);
CREATE INDEX access_log_by_organisation ON access_log (organisation, at, access_id);
CREATE INDEX access_log_by_time ON access_log (at, access_id);
