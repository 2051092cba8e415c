-- The aggregates with the new columns, beside those that are in use; step 0003 fills them and puts them in their place.
--
-- A row shows one report: the newest precise one, or the newest where none is precise. For that, imprecise ones are ordered
-- as if they were 2,000 years older. Written as a difference of two times, which is all that is IMMUTABLE here.

CREATE MATERIALIZED VIEW location_history_hourly_next
WITH (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.chunk_interval = '1 day') AS
SELECT hashed_adv_key,
  time_bucket(interval '1 hour', timestamp) AS bucket,
  last(location, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS location,
  max(timestamp) AS last_report_at,
  last(confidence, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS confidence,
  last(horizontal_accuracy, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS horizontal_accuracy,
  last(status, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS status,
  last(source, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS source,
  CASE WHEN bool_and(imprecise) THEN last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL)
    ELSE last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL AND NOT imprecise) END AS nearest_city,
  CASE WHEN bool_and(imprecise) THEN max(timestamp) FILTER (WHERE nearest_city IS NOT NULL)
    ELSE max(timestamp) FILTER (WHERE nearest_city IS NOT NULL AND NOT imprecise) END AS nearest_city_at,
  count(*) AS report_count,
  max(confidence) AS max_confidence,
  min(timestamp) AS first_report_at,
  last(altitude, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS altitude,
  last(speed, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS speed,
  last(course, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS course,
  last(battery, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS battery,
  last(motion, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS motion,
  bool_and(imprecise) AS imprecise,
  last(timestamp, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS located_at
FROM location_reports
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW location_history_daily_next
WITH (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.chunk_interval = '7 days') AS
SELECT hashed_adv_key,
  time_bucket(interval '1 day', timestamp) AS bucket,
  last(location, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS location,
  max(timestamp) AS last_report_at,
  last(confidence, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS confidence,
  last(horizontal_accuracy, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS horizontal_accuracy,
  last(status, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS status,
  last(source, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS source,
  CASE WHEN bool_and(imprecise) THEN last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL)
    ELSE last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL AND NOT imprecise) END AS nearest_city,
  CASE WHEN bool_and(imprecise) THEN max(timestamp) FILTER (WHERE nearest_city IS NOT NULL)
    ELSE max(timestamp) FILTER (WHERE nearest_city IS NOT NULL AND NOT imprecise) END AS nearest_city_at,
  count(*) AS report_count,
  max(confidence) AS max_confidence,
  min(timestamp) AS first_report_at,
  last(altitude, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS altitude,
  last(speed, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS speed,
  last(course, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS course,
  last(battery, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS battery,
  last(motion, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS motion,
  bool_and(imprecise) AS imprecise,
  last(timestamp, timestamp - CASE WHEN imprecise THEN timestamptz '4000-01-01 00:00+00' ELSE timestamptz '2000-01-01 00:00+00' END) AS located_at
FROM location_reports
GROUP BY 1, 2
WITH NO DATA;
