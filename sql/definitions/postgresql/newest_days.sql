-- The first of the days that contain the newest row_count daily rows before the cut, of trackers that have one of these
-- statuses now (NULL: of all trackers); '-infinity' if there are fewer rows.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION day_of_newest_rows(statuses tracker_status[], row_count integer) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN row_count <= 0 THEN 'infinity' ELSE coalesce((
    SELECT d.bucket FROM location_history_daily AS d JOIN trackers AS t USING (hashed_adv_key)
    WHERE d.bucket < history_cut() AND (statuses IS NULL OR t.current_status = ANY (statuses))
    ORDER BY d.bucket DESC OFFSET greatest(row_count, 1) - 1 LIMIT 1), '-infinity') END
$$;
