-- Does nothing: only the postgresql engine creates partitions in advance, TimescaleDB creates its chunks itself.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer LANGUAGE sql RETURN 0;
