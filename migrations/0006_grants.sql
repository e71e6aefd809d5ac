-- Logs are only ever added to; people are not for the read role.
GRANT SELECT, INSERT, UPDATE ON ledger, place_group, capacity_submission, account, entry, queue,
    offer, placement, person_claim TO tiltaksplass_write;
GRANT SELECT, INSERT ON ledger_answer, key_check TO tiltaksplass_write;
GRANT UPDATE (response) ON ledger_answer TO tiltaksplass_write;
GRANT SELECT, INSERT, DELETE ON waiting, schedule, external_reference, person,
    person_key, person_claim TO tiltaksplass_write;
GRANT SELECT, INSERT ON ledger_log, registry_row TO tiltaksplass_write;
GRANT INSERT ON access_log TO tiltaksplass_write;
GRANT SELECT ON ledger, ledger_log, place_group, capacity_submission, account, entry, waiting,
    queue, offer, placement, external_reference, schedule, registry_row TO tiltaksplass_read;
-- Enough to check that nobody is missing, and not who anybody is.
GRANT SELECT ON person_claim TO tiltaksplass_read;
GRANT SELECT (person_id) ON person, person_key TO tiltaksplass_read;
