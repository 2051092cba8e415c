-- The other engine's partitions have to be made ahead; chunks make themselves.
CREATE OR REPLACE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer LANGUAGE sql RETURN 0;
