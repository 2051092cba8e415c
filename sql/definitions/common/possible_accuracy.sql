-- Checks of the accuracy of a report.
--
-- Locks: none.

-- Whether a horizontal accuracy in metres is possible; NULL for NULL. The limit is half the circumference of the earth,
-- the largest distance between two positions.
CREATE OR REPLACE FUNCTION is_possible_accuracy(metres float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN metres BETWEEN 0 AND 20037508;

-- Whether a report with this accuracy in metres is imprecise by the current threshold (MAX_ACCURACY_METERS; 0: no
-- report is). Decided when a report is ingested, and stored with it. A report without an accuracy counts as precise.
CREATE OR REPLACE FUNCTION is_imprecise(horizontal_accuracy float8) RETURNS boolean LANGUAGE sql STABLE
  RETURN coalesce(horizontal_accuracy > (SELECT nullif(max_accuracy_meters, 0) FROM history_state), false);
