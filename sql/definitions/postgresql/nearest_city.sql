-- Sets the city of a tracker's reports in [range_start, range_end], both ends included, in every layer. Returns the
-- rows that now say so and did not before, by layer; the days are one layer, in whichever relations they are.
--
-- Where raw is there, its buckets follow by the update trigger. A bucket whose raw is gone is changed only where the
-- report that it shows, or the report that its city came from, lies in the range: an older report's city never
-- overwrites a newer one's.
CREATE OR REPLACE FUNCTION update_nearest_city(hashed_adv_key text, range_start timestamptz, range_end timestamptz, city text)
RETURNS TABLE (layer text, rows_changed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
  first_day timestamptz := date_trunc('day', range_start, 'UTC');
  cities_before jsonb; -- by size and start of the bucket
BEGIN
  cities_before := coalesce(jsonb_object_agg(h.bucket_size || h.bucket, h.nearest_city), '{}')
    FROM location_history_rollups AS h WHERE h.hashed_adv_key = $1 AND h.bucket BETWEEN first_day AND range_end;

  UPDATE location_reports AS r SET nearest_city = city
    WHERE r.hashed_adv_key = $1 AND r.timestamp BETWEEN range_start AND range_end
      AND r.nearest_city IS DISTINCT FROM city;
  layer := 'location_reports';
  GET DIAGNOSTICS rows_changed = ROW_COUNT;
  RETURN NEXT;

  UPDATE location_history_daily AS d
    SET nearest_city = city,
      nearest_city_at = CASE WHEN coalesce(d.located_at, d.last_report_at) BETWEEN range_start AND range_end
        THEN coalesce(d.located_at, d.last_report_at) ELSE d.nearest_city_at END
    WHERE d.hashed_adv_key = $1 AND d.bucket < history_horizon() AND d.bucket BETWEEN first_day AND range_end
      AND (coalesce(d.located_at, d.last_report_at) BETWEEN range_start AND range_end
        OR d.nearest_city_at BETWEEN range_start AND range_end)
      AND (d.nearest_city, d.nearest_city_at) IS DISTINCT FROM (city, CASE
        WHEN coalesce(d.located_at, d.last_report_at) BETWEEN range_start AND range_end
        THEN coalesce(d.located_at, d.last_report_at) ELSE d.nearest_city_at END);
  IF FOUND THEN
    PERFORM mark_history_changed(range_start, range_end);
  END IF;

  RETURN QUERY
    SELECT size.relation, count(h.bucket)
    FROM (VALUES ('location_history_hourly', '1 hour'), ('location_history_daily', '1 day')) AS size (relation, name)
    LEFT JOIN location_history_rollups AS h ON h.bucket_size = size.name
      AND h.hashed_adv_key = $1 AND h.bucket BETWEEN first_day AND range_end
      AND h.nearest_city IS NOT DISTINCT FROM city
      AND cities_before ->> (h.bucket_size || h.bucket) IS DISTINCT FROM city
    GROUP BY 1, size.name ORDER BY size.name DESC;
END $$;
