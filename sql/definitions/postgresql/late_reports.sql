-- Adds late reports to the daily history of this engine.
--
-- Locks: the rows of the days, see add_to_aggregates().

-- Late reports are always before the cut, so this writes days only.
CREATE OR REPLACE FUNCTION add_late_reports(reports location_reports[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_to_aggregates(reports);
END $$;
