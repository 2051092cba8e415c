-- Stores the answers for cells, replacing older ones.
--
-- $1 integer[]  latitude_e2
-- $2 integer[]  longitude_e2
-- $3 text[]     city
-- $4 text[]     country
-- $5 text       provider
-- $6 text       provider and data set of the answers (asked_of)
-- $7 text       online provider that may give better answers soon, unless it is paused or out of requests; or NULL
-- $8 integer    requests a day of that online provider
--
-- Result: none.
-- Locks: the rows of the cells in geocoding_cells, in the order of the cells.
INSERT INTO geocoding_cells (latitude_e2, longitude_e2, nearest_city, country, provider, asked_of, geocoded_at, expires_at,
  provisional_until)
SELECT a.latitude_e2, a.longitude_e2, a.city, a.country, $5, $6, now(),
  CASE WHEN $7::text IS NOT NULL THEN now() + interval '1 day' WHEN a.city IS NULL THEN now() + interval '30 days' END,
  (SELECT now() + interval '2 minutes' FROM geocoding_providers AS p
   WHERE p.name = $7 AND p.paused_until <= now() AND (p.day <> (now() AT TIME ZONE 'UTC')::date OR p.requests < $8))
FROM unnest($1::integer[], $2::integer[], $3::text[], $4::text[]) AS a (latitude_e2, longitude_e2, city, country)
ORDER BY 1, 2
ON CONFLICT (latitude_e2, longitude_e2) DO UPDATE SET nearest_city = excluded.nearest_city, country = excluded.country,
  provider = excluded.provider, asked_of = excluded.asked_of, geocoded_at = excluded.geocoded_at,
  expires_at = excluded.expires_at, provisional_until = excluded.provisional_until, requested_at = NULL
