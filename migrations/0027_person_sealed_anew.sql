-- A change of keys seals a person's identity anew and wraps the data key anew, and a person gets
-- another number. Nobody becomes somebody else: the id stays out of reach.
GRANT UPDATE (identity, data_key) ON person TO tiltaksplass_write;
