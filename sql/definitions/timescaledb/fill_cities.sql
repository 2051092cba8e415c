-- Sets missing cities of many trackers from geocoding cells, on the timescaledb engine. The parameters are spans: a
-- tracker and a time range within one UTC day, both ends included.
--
-- A day may be compressed. TimescaleDB decompresses only these trackers and times if they are constants in the
-- statement, hence custom plans and one statement for each day. With a join alone it decompresses the whole day.
--
-- Locks: the reports and days that change.

-- The spans that have raw reports, grouped by day.
CREATE OR REPLACE FUNCTION raw_spans_by_day(keys text[], from_times timestamptz[], to_times timestamptz[])
RETURNS TABLE (keys text[], from_times timestamptz[], to_times timestamptz[], day_start timestamptz, day_end timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT array_agg(span.key), array_agg(span.from_time), array_agg(span.to_time), min(span.from_time), max(span.to_time)
  FROM unnest($1, $2, $3) AS span (key, from_time, to_time)
  WHERE span.from_time >= history_horizon()
  GROUP BY date_trunc('day', span.from_time, 'UTC')
$$;

-- The cells of reports without a city in these spans, and of closed days without the city of the report they show.
CREATE OR REPLACE FUNCTION cells_without_city(keys text[], from_times timestamptz[], to_times timestamptz[])
RETURNS TABLE (latitude_e2 integer, longitude_e2 integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  d record;
BEGIN
  FOR d IN SELECT * FROM raw_spans_by_day($1, $2, $3) LOOP
    RETURN QUERY
      SELECT cell_of(ST_Y(r.location)), cell_of(ST_X(r.location))
      FROM unnest(d.keys, d.from_times, d.to_times) AS span (key, from_time, to_time)
      JOIN location_reports AS r ON r.hashed_adv_key = span.key AND r.timestamp BETWEEN span.from_time AND span.to_time
      WHERE r.hashed_adv_key = ANY (d.keys) AND r.timestamp BETWEEN d.day_start AND d.day_end AND r.nearest_city IS NULL
      GROUP BY 1, 2;
  END LOOP;
  RETURN QUERY
    SELECT cell_of(ST_Y(day.location)), cell_of(ST_X(day.location))
    FROM unnest($1, $2) AS span (key, from_time)
    CROSS JOIN LATERAL (
      SELECT location, coalesce(located_at, last_report_at) AS located_at, nearest_city_at FROM location_history_daily
      WHERE hashed_adv_key = span.key AND bucket = date_trunc('day', span.from_time, 'UTC')
      UNION ALL
      SELECT location, coalesce(located_at, last_report_at) AS located_at, nearest_city_at FROM location_history_daily_late
      WHERE hashed_adv_key = span.key AND bucket = date_trunc('day', span.from_time, 'UTC')
    ) AS day
    WHERE span.from_time < history_horizon() AND day.nearest_city_at IS DISTINCT FROM day.located_at
    GROUP BY 1, 2;
END $$;

-- Sets missing cities of reports in these spans, and of closed days, to the city of their cell; the next refresh copies
-- the cities of reports to hours and days. Returns the number of reports and days that got one. Existing cities are
-- kept, so the city of an older report never replaces the city of a newer one.
CREATE OR REPLACE FUNCTION fill_cities(keys text[], from_times timestamptz[], to_times timestamptz[]) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan SET jit = off
-- No limit on decompressed rows: the caller limits the spans.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0 AS $$
DECLARE
  d record;
  keys_to_fill text[];
  changed bigint;
  filled bigint := 0;
  days_filled bigint;
BEGIN
  FOR d IN SELECT * FROM raw_spans_by_day($1, $2, $3) LOOP
    -- Find the trackers with a city first: an UPDATE decompresses the rows it reads, even if it changes none (at sea).
    SELECT array_agg(DISTINCT r.hashed_adv_key) INTO keys_to_fill
    FROM unnest(d.keys, d.from_times, d.to_times) AS span (key, from_time, to_time)
    JOIN location_reports AS r ON r.hashed_adv_key = span.key AND r.timestamp BETWEEN span.from_time AND span.to_time
    JOIN geocoding_settled_cells AS c
      ON c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location))
    WHERE r.hashed_adv_key = ANY (d.keys) AND r.timestamp BETWEEN d.day_start AND d.day_end AND r.nearest_city IS NULL;
    CONTINUE WHEN keys_to_fill IS NULL;

    UPDATE location_reports AS r SET nearest_city = c.nearest_city
      FROM unnest(d.keys, d.from_times, d.to_times) AS span (key, from_time, to_time), geocoding_settled_cells AS c
      WHERE r.hashed_adv_key = ANY (keys_to_fill) AND r.timestamp BETWEEN d.day_start AND d.day_end
        AND r.hashed_adv_key = span.key AND r.timestamp BETWEEN span.from_time AND span.to_time
        AND r.nearest_city IS NULL
        AND c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location));
    GET DIAGNOSTICS changed = ROW_COUNT;
    filled := filled + changed;
  END LOOP;

  -- A day may have rows in two relations: each row gets the city of the report it shows.
  days_filled := fill_day_cities('location_history_daily', $1, $2) + fill_day_cities('location_history_daily_late', $1, $2);
  IF days_filled > 0 THEN -- a trigger of location_reports marks changed raw reports
    PERFORM mark_history_changed(min(span.from_time), max(span.to_time)) FROM unnest($2, $3) AS span (from_time, to_time);
  END IF;
  RETURN filled + days_filled;
END $$;
