-- Sets missing cities of many trackers from geocoding cells, on the postgresql engine. The parameters are spans: a
-- tracker and a time range within one UTC day, both ends included.
--
-- With custom plans, so that the planner knows the spans and skips the partitions of other days.
--
-- Locks: the reports that change, then rows of location_history_rollups in the lock order of all writers.

-- The cells of reports without a city in these spans, and of closed days without the city of the report they show.
CREATE OR REPLACE FUNCTION cells_without_city(keys text[], from_times timestamptz[], to_times timestamptz[])
RETURNS TABLE (latitude_e2 integer, longitude_e2 integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  first_moment timestamptz := min(t) FROM unnest(from_times) AS t;
  last_moment timestamptz := max(t) FROM unnest(to_times) AS t;
BEGIN
  RETURN QUERY
    SELECT cell_of(ST_Y(r.location)), cell_of(ST_X(r.location))
    FROM unnest(keys, from_times, to_times) AS span (key, from_time, to_time)
    JOIN location_reports AS r ON r.hashed_adv_key = span.key AND r.timestamp BETWEEN span.from_time AND span.to_time
    WHERE r.timestamp BETWEEN first_moment AND last_moment AND r.nearest_city IS NULL
    GROUP BY 1, 2
    UNION
    SELECT cell_of(ST_Y(d.location)), cell_of(ST_X(d.location))
    FROM unnest(keys, from_times) AS span (key, from_time)
    JOIN location_history_daily AS d
      ON d.hashed_adv_key = span.key AND d.bucket = date_trunc('day', span.from_time, 'UTC')
    WHERE d.bucket < history_horizon()
      AND d.nearest_city_at IS DISTINCT FROM coalesce(d.located_at, d.last_report_at);
END $$;

-- Sets missing cities of reports in these spans, and of closed days, to the city of their cell, in every layer. Returns
-- the number of reports and days that got one. Existing cities are kept, so the city of an older report never replaces
-- the city of a newer one.
--
-- Does not recompute hours and days, unlike any other UPDATE: that would read all reports of the day. Instead they get
-- a city if it is newer than their own, and if its report is as precise as the one they show.
CREATE OR REPLACE FUNCTION fill_cities(keys text[], from_times timestamptz[], to_times timestamptz[]) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  first_moment timestamptz := min(t) FROM unnest(from_times) AS t;
  last_moment timestamptz := max(t) FROM unnest(to_times) AS t;
  filled bigint;
  days_filled bigint;
  -- For each tracker and bucket, the highest-ranking report that got a city.
  new_keys text[];
  new_sizes text[];
  new_buckets timestamptz[];
  new_times timestamptz[];
  new_cities text[];
  new_imprecise boolean[];
BEGIN
  PERFORM set_config('tracker.only_cities_change', 'on', true);
  WITH filled_reports AS (
    UPDATE location_reports AS r SET nearest_city = c.nearest_city
    FROM unnest(keys, from_times, to_times) AS span (key, from_time, to_time), geocoding_settled_cells AS c
    WHERE r.hashed_adv_key = span.key AND r.timestamp BETWEEN span.from_time AND span.to_time
      AND r.timestamp BETWEEN first_moment AND last_moment AND r.nearest_city IS NULL
      AND c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location))
    RETURNING r.hashed_adv_key, r.timestamp, r.nearest_city, r.imprecise
  ), shown AS (
    SELECT DISTINCT ON (1, 2, 3) f.hashed_adv_key, size.name, date_trunc(size.unit, f.timestamp, 'UTC') AS bucket,
      f.timestamp, f.nearest_city, f.imprecise
    FROM filled_reports AS f CROSS JOIN (VALUES ('1 day', 'day'), ('1 hour', 'hour')) AS size (name, unit)
    ORDER BY 1, 2, 3, f.imprecise, f.timestamp DESC
  )
  SELECT (SELECT count(*) FROM filled_reports), array_agg(n.hashed_adv_key), array_agg(n.name), array_agg(n.bucket),
    array_agg(n.timestamp), array_agg(n.nearest_city), array_agg(n.imprecise)
  INTO filled, new_keys, new_sizes, new_buckets, new_times, new_cities, new_imprecise FROM shown AS n;
  PERFORM set_config('tracker.only_cities_change', '', true);

  -- Lock in the lock order of all writers, then update.
  PERFORM FROM location_history_rollups AS h
    WHERE (h.hashed_adv_key, h.bucket_size, h.bucket) IN (SELECT * FROM unnest(new_keys, new_sizes, new_buckets))
    ORDER BY h.hashed_adv_key, h.bucket_size, h.bucket FOR UPDATE;
  UPDATE location_history_rollups AS h SET nearest_city = n.city, nearest_city_at = n.city_at
    FROM unnest(new_keys, new_sizes, new_buckets, new_times, new_cities, new_imprecise)
      AS n (key, size, bucket, city_at, city, imprecise)
    WHERE h.hashed_adv_key = n.key AND h.bucket_size = n.size AND h.bucket = n.bucket AND h.imprecise = n.imprecise
      AND (h.nearest_city_at IS NULL OR h.nearest_city_at < n.city_at);

  days_filled := fill_day_cities('location_history_daily', keys, from_times);
  IF filled + days_filled > 0 THEN
    PERFORM mark_history_changed(first_moment, last_moment);
  END IF;
  RETURN filled + days_filled;
END $$;
