-- Merges reports below the horizon, each counted once at any age, into the daily history; returns those that were new,
-- or NULL. Raises when one of them is not below the horizon or is older than the daily history: the caller splits first.
CREATE OR REPLACE FUNCTION take_late_reports(reports location_reports[]) RETURNS location_reports[] LANGUAGE plpgsql AS $$
DECLARE
  fresh location_reports[];
BEGIN
  PERFORM refuse_unmergeable_reports(reports);
  fresh := claim_late_reports(reports);
  IF fresh IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO location_history_daily_late AS kept (hashed_adv_key, bucket, location, last_report_at, confidence,
    horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at,
    altitude, speed, course, battery, motion, imprecise, located_at)
  SELECT s.hashed_adv_key, s.bucket, s.location, s.last_report_at, s.confidence,
    s.horizontal_accuracy, s.status, s.source, s.nearest_city, s.nearest_city_at, s.report_count, s.max_confidence,
    s.first_report_at, s.altitude, s.speed, s.course, s.battery, s.motion, s.imprecise, s.located_at
  FROM summarize_reports(fresh, '1 day') AS s
  ORDER BY s.hashed_adv_key, s.bucket
  ON CONFLICT (hashed_adv_key, bucket) DO UPDATE SET
    location = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.location ELSE kept.location END,
    confidence = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.confidence ELSE kept.confidence END,
    horizontal_accuracy = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.horizontal_accuracy ELSE kept.horizontal_accuracy END,
    status = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.status ELSE kept.status END,
    source = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.source ELSE kept.source END,
    altitude = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.altitude ELSE kept.altitude END,
    speed = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.speed ELSE kept.speed END,
    course = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.course ELSE kept.course END,
    battery = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.battery ELSE kept.battery END,
    motion = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.motion ELSE kept.motion END,
    located_at = CASE WHEN outranks(excluded.imprecise, excluded.located_at, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
      THEN excluded.located_at ELSE coalesce(kept.located_at, kept.last_report_at) END,
    nearest_city = CASE WHEN outranks(excluded.imprecise, excluded.nearest_city_at, kept.imprecise, kept.nearest_city_at)
      THEN excluded.nearest_city ELSE kept.nearest_city END,
    nearest_city_at = CASE WHEN outranks(excluded.imprecise, excluded.nearest_city_at, kept.imprecise, kept.nearest_city_at)
      THEN excluded.nearest_city_at ELSE kept.nearest_city_at END,
    imprecise = kept.imprecise AND excluded.imprecise,
    last_report_at = greatest(kept.last_report_at, excluded.last_report_at),
    report_count = kept.report_count + excluded.report_count,
    max_confidence = greatest(kept.max_confidence, excluded.max_confidence),
    first_report_at = least(kept.first_report_at, excluded.first_report_at);
  PERFORM queue_late_reports(fresh);
  PERFORM mark_history_changed(min(r.timestamp), max(r.timestamp)) FROM unnest(fresh) AS r;
  RETURN fresh;
END $$;

-- The same for callers who only want to know how many were new. Its body is text: a parsed one would depend on the row type,
-- and location_reports could not get columns.
CREATE OR REPLACE FUNCTION merge_late_reports(reports location_reports[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(cardinality(take_late_reports(reports)), 0)
$$;
