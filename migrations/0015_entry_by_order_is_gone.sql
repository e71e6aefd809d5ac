-- `entry_by_state` has taken its place.
DROP INDEX entry_by_order;
