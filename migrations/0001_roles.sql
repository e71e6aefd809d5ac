-- Two roles beside the owner, who migrates. The program connects as a member of
-- both and takes one on for each session, so that no statement of a read can write,
-- and no statement at all can change the log.
DO $$
DECLARE
    wanted text;
    -- From version 16 on a member may not always take the role on.
    enough text := CASE WHEN current_setting('server_version_num')::int >= 160000
                        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tiltaksplass_write', 'tiltaksplass_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- Another database of this server was migrated at the same moment.
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, enough) THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END $$;
