-- The newest city that raw reports of a tracker say, and when, by hour from the cut on and by day; of all days that
-- overlap [from_time, to_time]. Where there are precise reports it is one of theirs, or none.
CREATE OR REPLACE FUNCTION newest_cities(key text, from_time timestamptz, to_time timestamptz)
RETURNS TABLE (bucket_size text, bucket timestamptz, nearest_city text, nearest_city_at timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT size.name, date_trunc(size.unit, r.timestamp, 'UTC') AS bucket,
    CASE WHEN bool_and(r.imprecise) THEN last(r.nearest_city, r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL)
      ELSE last(r.nearest_city, r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL AND NOT r.imprecise) END,
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
-- rows that now say so and did not before, by layer; the days are one layer, in whichever relations they are.
--
-- Where raw is there its buckets are set to what the next refresh computes of it. A day whose raw is gone is changed
-- only where the report that it shows, or the report that its city came from, lies in the range: an older report's city
-- never overwrites a newer one's.
CREATE OR REPLACE FUNCTION update_nearest_city(hashed_adv_key text, range_start timestamptz, range_end timestamptz, city text)
RETURNS TABLE (layer text, rows_changed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT
-- Raw reports of yesterday are compressed; the limit is for accidents.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0 AS $$
#variable_conflict use_column
DECLARE
  cities_before jsonb; -- by size and start of the bucket
  hours_changed bigint := 0;
  days_changed bigint := 0;
  found_days boolean := false;
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
    SELECT n.*, n.nearest_city IS NOT DISTINCT FROM city
      AND cities_before ->> (n.bucket_size || n.bucket) IS DISTINCT FROM city AS is_new
    FROM newest_cities($1, range_start, range_end) AS n
  LOOP
    IF b.bucket_size = '1 hour' THEN
      UPDATE location_history_hourly AS h SET nearest_city = b.nearest_city, nearest_city_at = b.nearest_city_at
        WHERE h.hashed_adv_key = $1 AND h.bucket = b.bucket
          AND (h.nearest_city, h.nearest_city_at) IS DISTINCT FROM (b.nearest_city, b.nearest_city_at);
      hours_changed := hours_changed + b.is_new::int;
    ELSE
      UPDATE location_history_daily AS d SET nearest_city = b.nearest_city, nearest_city_at = b.nearest_city_at
        WHERE d.hashed_adv_key = $1 AND d.bucket = b.bucket
          AND (d.nearest_city, d.nearest_city_at) IS DISTINCT FROM (b.nearest_city, b.nearest_city_at);
      days_changed := days_changed + b.is_new::int;
    END IF;
  END LOOP;

  -- A day may be kept in two relations: what counts is what both together show. It stands in one of them.
  FOR b IN
    SELECT * FROM (
      SELECT d.bucket, d.nearest_city, d.nearest_city_at,
        CASE WHEN d.located_at BETWEEN range_start AND range_end
          THEN d.located_at ELSE d.nearest_city_at END AS said_at
      FROM location_history_days AS d
      WHERE d.hashed_adv_key = $1 AND d.bucket < history_horizon()
        AND d.bucket BETWEEN date_trunc('day', range_start, 'UTC') AND range_end
        AND (d.located_at BETWEEN range_start AND range_end OR d.nearest_city_at BETWEEN range_start AND range_end)
    ) AS in_range
    WHERE (in_range.nearest_city, in_range.nearest_city_at) IS DISTINCT FROM (city, in_range.said_at)
  LOOP
    UPDATE location_history_daily AS d SET nearest_city = city, nearest_city_at = b.said_at
      WHERE d.hashed_adv_key = $1 AND d.bucket = b.bucket
        AND b.said_at IN (coalesce(d.located_at, d.last_report_at), d.nearest_city_at);
    UPDATE location_history_daily_late AS d SET nearest_city = city, nearest_city_at = b.said_at
      WHERE d.hashed_adv_key = $1 AND d.bucket = b.bucket
        AND b.said_at IN (coalesce(d.located_at, d.last_report_at), d.nearest_city_at);
    found_days := true;
    days_changed := days_changed + (b.nearest_city IS DISTINCT FROM city)::int;
  END LOOP;
  IF found_days THEN
    PERFORM mark_history_changed(range_start, range_end);
  END IF;

  layer := 'location_history_hourly';
  rows_changed := hours_changed;
  RETURN NEXT;
  layer := 'location_history_daily';
  rows_changed := days_changed;
  RETURN NEXT;
END $$;
