-- Drops the partitions, also those that are detached, which the migrations don't know of.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT c.oid FROM pg_catalog.pg_class c
        WHERE c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = '{{table "events"}}'::regclass)
            AND c.relkind = 'r' AND c.relname ~ '^(events|event_processed)_p[0-9]+$'
    LOOP
        EXECUTE 'DROP TABLE ' || partition;
    END LOOP;
END $$;
