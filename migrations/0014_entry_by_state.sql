-- Entries in one state, in the order of the queue. The state comes first so that this index
-- never stands in for the primary key: where a table has no statistics yet, one that begins
-- like the key looks as good for a look-up by id and then reads the whole ledger.
CREATE INDEX entry_by_state ON entry
    (state, county_id, measure_code, order_time_us, registered_time_us, join_seq);
