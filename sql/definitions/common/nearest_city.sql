-- Sets the city of reports of one tracker, and of the history that shows them. For many trackers see fill_cities.sql.
--
-- Locks: the rows that change: reports, then days and hours, in the order of add_to_aggregates().

-- The newest city in the raw reports of a tracker and the time of its report, for each hour (from the cut on) and day
-- of the days that overlap [from_time, to_time]. If a bucket has precise reports, only their cities are used.
CREATE OR REPLACE FUNCTION newest_cities(key text, from_time timestamptz, to_time timestamptz)
RETURNS TABLE (bucket_size text, bucket timestamptz, nearest_city text, nearest_city_at timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT size.name, date_trunc(size.unit, r.timestamp, 'UTC') AS bucket,
    CASE WHEN bool_and(r.imprecise)
      THEN (array_agg(r.nearest_city ORDER BY r.timestamp DESC) FILTER (WHERE r.nearest_city IS NOT NULL))[1]
      ELSE (array_agg(r.nearest_city ORDER BY r.timestamp DESC)
        FILTER (WHERE r.nearest_city IS NOT NULL AND NOT r.imprecise))[1] END,
    CASE WHEN bool_and(r.imprecise) THEN max(r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL)
      ELSE max(r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL AND NOT r.imprecise) END
  FROM location_reports AS r CROSS JOIN (VALUES ('1 hour', 'hour'), ('1 day', 'day')) AS size (name, unit)
  WHERE r.hashed_adv_key = key
    AND r.timestamp >= greatest(date_trunc('day', from_time, 'UTC'), history_horizon())
    AND r.timestamp < date_trunc('day', to_time, 'UTC') + interval '24 hours'
    AND (size.unit = 'day' OR r.timestamp >= history_cut())
  GROUP BY 1, 2
$$;

-- Sets the city of a tracker's reports in [range_start, range_end], both ends included, in every layer. Returns the
-- number of rows that changed to this city, by layer; days count as one layer, even if they are in two relations.
--
-- Above the horizon, hours and days are computed from raw reports. A closed day changes only if the report it shows, or
-- the report of its city, is in the range: the city of an older report never replaces the city of a newer one.
CREATE OR REPLACE FUNCTION update_nearest_city(hashed_adv_key text, range_start timestamptz, range_end timestamptz, city text)
RETURNS TABLE (layer text, rows_changed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
  cities_before jsonb; -- by size and start of the bucket
  hours_changed bigint := 0;
  days_changed bigint := 0;
  any_closed_day boolean := false;
  b record;
BEGIN
  cities_before := coalesce(jsonb_object_agg(n.bucket_size || n.bucket, n.nearest_city), '{}')
    FROM newest_cities($1, range_start, range_end) AS n;
  layer := 'location_reports';
  UPDATE location_reports AS r SET nearest_city = city
    WHERE r.hashed_adv_key = $1 AND r.timestamp BETWEEN range_start AND range_end AND r.timestamp >= history_horizon()
      AND r.nearest_city IS DISTINCT FROM city;
  GET DIAGNOSTICS rows_changed = ROW_COUNT;
  RETURN NEXT;

  FOR b IN
    SELECT n.*, (n.nearest_city IS NOT DISTINCT FROM city
      AND cities_before ->> (n.bucket_size || n.bucket) IS DISTINCT FROM city)::integer AS is_new
    FROM newest_cities($1, range_start, range_end) AS n
  LOOP
    PERFORM set_open_bucket_city($1, b.bucket_size, b.bucket, b.nearest_city, b.nearest_city_at);
    IF b.bucket_size = '1 hour' THEN
      hours_changed := hours_changed + b.is_new;
    ELSE
      days_changed := days_changed + b.is_new;
    END IF;
  END LOOP;

  FOR b IN
    SELECT * FROM (
      SELECT d.bucket, d.nearest_city, d.nearest_city_at,
        CASE WHEN d.located_at BETWEEN range_start AND range_end THEN d.located_at ELSE d.nearest_city_at END AS city_at
      FROM location_history_days AS d
      WHERE d.hashed_adv_key = $1 AND d.bucket < history_horizon()
        AND d.bucket BETWEEN date_trunc('day', range_start, 'UTC') AND range_end
        AND (d.located_at BETWEEN range_start AND range_end OR d.nearest_city_at BETWEEN range_start AND range_end)
    ) AS in_range
    WHERE (in_range.nearest_city, in_range.nearest_city_at) IS DISTINCT FROM (city, in_range.city_at)
    ORDER BY in_range.bucket
  LOOP
    PERFORM set_closed_day_city($1, b.bucket, city, b.city_at);
    any_closed_day := true;
    days_changed := days_changed + (b.nearest_city IS DISTINCT FROM city)::integer;
  END LOOP;
  IF any_closed_day THEN
    PERFORM mark_history_changed(range_start, range_end);
  END IF;

  layer := 'location_history_hourly';
  rows_changed := hours_changed;
  RETURN NEXT;
  layer := 'location_history_daily';
  rows_changed := days_changed;
  RETURN NEXT;
END $$;
