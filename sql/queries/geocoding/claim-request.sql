-- Reserves one request to an online provider, within the limits of all instances together: one request at a time, a
-- minimum interval, a daily limit, and none while the provider is paused. Counts the request before it is sent, and
-- claims its cell.
--
-- $1 text     provider
-- $2 integer  requests a day
-- $3 integer  milliseconds until the next request if the end of this one is never recorded (its process may have died)
--
-- Result: "latitudeE2", "longitudeE2" of the cell to request; no row if no request is allowed now, or no cell needs
-- one.
-- Locks: the cell in geocoding_cells, and the provider's row in geocoding_providers.
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
