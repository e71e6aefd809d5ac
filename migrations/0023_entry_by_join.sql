-- A ledger's latest joins, from which waits are estimated. Every entry is in it; the condition
-- is there so that only a statement that has it too takes this index, and none that looks an
-- entry up by its key, as with `entry_by_state`.
CREATE INDEX entry_by_join ON entry (county_id, measure_code, join_seq) WHERE join_seq > 0;
