-- Ingests late reports (below the horizon).
--
-- Locks: the advisory lock of claim_late_reports(), and the rows that add_late_reports() writes.

-- Merges late reports into the daily history, each of them once, however old; returns the new ones, or NULL. Raises if
-- a report is not below the horizon, or is older than the daily history: callers pass late reports only.
CREATE OR REPLACE FUNCTION take_late_reports(reports location_reports[]) RETURNS location_reports[] LANGUAGE plpgsql AS $$
DECLARE
  fresh location_reports[];
BEGIN
  PERFORM refuse_unmergeable_reports(reports);
  fresh := claim_late_reports(reports);
  IF fresh IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM add_late_reports(fresh);
  PERFORM queue_late_reports(fresh);
  PERFORM mark_history_changed(min(r.timestamp), max(r.timestamp)) FROM unnest(fresh) AS r;
  RETURN fresh;
END $$;

-- The same for callers that only need the number of new reports. The body is a string, because a parsed one would
-- depend on the row type, and no column could be added to location_reports.
CREATE OR REPLACE FUNCTION merge_late_reports(reports location_reports[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(cardinality(take_late_reports(reports)), 0)
$$;
