-- Whether a position can be this inaccurate, in metres; NULL where none is given. Half the circumference of the earth is
-- the end: nothing on it is farther away, so more says nothing, and is a broken sender's.
CREATE OR REPLACE FUNCTION is_possible_accuracy(metres float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN metres BETWEEN 0 AND 20037508;

-- Whether a report of this accuracy, in metres, is imprecise by today's threshold (MAX_ACCURACY_METERS; 0: none is). Decided
-- when a report comes in and kept with it; what comes without an accuracy is taken for precise.
CREATE OR REPLACE FUNCTION is_imprecise(horizontal_accuracy float8) RETURNS boolean LANGUAGE sql STABLE
  RETURN coalesce(horizontal_accuracy > (SELECT nullif(max_accuracy_meters, 0) FROM history_state), false);
