-- A plan is written by the writer and read by all.
DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE ON plan TO tiltaksplass_write;
    GRANT SELECT ON plan TO tiltaksplass_read;
END $$;
