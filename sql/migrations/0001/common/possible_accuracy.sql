-- Whether a position can be this inaccurate, in metres; NULL where none is given. Half the circumference of the earth is
-- the end: nothing on it is farther away, so more says nothing, and is a broken sender's.
CREATE FUNCTION is_possible_accuracy(metres float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN metres BETWEEN 0 AND 20037508;
