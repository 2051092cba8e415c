-- Allows one request to an online provider, by all instances together: one at a time, at a distance, so many a day, and
-- none while it is paused. It is counted before it is sent, and its cell is not given to anybody else.
-- $1 text provider, $2 int requests a day, $3 int milliseconds until the next one, unless it is noted before that this one
-- has ended: its process may have died
-- Returns latitude_e2, longitude_e2; nothing where no request may be made now, or none is wanted.
WITH cell AS MATERIALIZED (
  SELECT latitude_e2, longitude_e2 FROM geocoding_cells
  WHERE provisional_until > now() AND requested_at IS NULL
  ORDER BY geocoded_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED
), allowed AS (
  UPDATE geocoding_providers AS p
  SET next_request_at = clock_timestamp() + $3::integer * interval '1 millisecond',
    day = (now() AT TIME ZONE 'UTC')::date,
    requests = CASE WHEN p.day = (now() AT TIME ZONE 'UTC')::date THEN p.requests + 1 ELSE 1 END
  WHERE p.name = $1 AND EXISTS (SELECT FROM cell)
    AND p.next_request_at <= clock_timestamp() AND p.paused_until <= clock_timestamp()
    AND (p.day <> (now() AT TIME ZONE 'UTC')::date OR p.requests < $2)
  RETURNING p.name
)
UPDATE geocoding_cells AS c SET requested_at = clock_timestamp() FROM cell, allowed
WHERE c.latitude_e2 = cell.latitude_e2 AND c.longitude_e2 = cell.longitude_e2
RETURNING c.latitude_e2 AS "latitudeE2", c.longitude_e2 AS "longitudeE2"
