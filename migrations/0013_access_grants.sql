-- The check of a whole database reads the accesses; nobody changes them.
DO $$
BEGIN
    GRANT SELECT, INSERT, UPDATE ON access_recorder TO tiltaksplass_write;
    GRANT SELECT ON access_log, access_recorder TO tiltaksplass_read;
END $$;
