-- Nothing to do: partitions of the postgresql engine are made ahead, TimescaleDB makes its chunks by itself.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer LANGUAGE sql RETURN 0;
