-- Sets the city of reports, and of the history rows that show them, to the city of their cell, in every layer.
--
-- $1 bigint[]       tracker ids
-- $2 timestamptz[]  times of the reports
-- $3 float8[]       latitudes
-- $4 float8[]       longitudes
-- $5 text[]         cities that the history rows show now
--
-- Result: changed (integer), the number of rows changed.
-- Locks: the locks of update_nearest_city(), tracker by tracker.
SELECT count(*)::integer AS changed
FROM (
  SELECT t.hashed_adv_key, r.at, c.nearest_city
  FROM unnest($1::bigint[], $2::timestamptz[], $3::float8[], $4::float8[], $5::text[]) AS r (id, at, latitude, longitude, city)
  JOIN trackers AS t USING (id)
  JOIN geocoding_settled_cells AS c ON c.latitude_e2 = cell_of(r.latitude) AND c.longitude_e2 = cell_of(r.longitude)
  WHERE c.nearest_city IS DISTINCT FROM r.city
  ORDER BY t.hashed_adv_key, r.at
) AS renamed
CROSS JOIN LATERAL (
  SELECT sum(u.rows_changed) FROM update_nearest_city(renamed.hashed_adv_key, renamed.at, renamed.at, renamed.nearest_city) AS u
) AS updated
