-- Drops objects of earlier versions that no longer exist or have other arguments or columns, before the definitions are
-- applied. Append only, each with the version that removed it. Never CASCADE.
--
-- Locks: the functions that are dropped.

-- 0.2.0: they return more columns.
DROP FUNCTION IF EXISTS summarize_reports(location_reports[], text);
DROP FUNCTION IF EXISTS history_in_zone_days(text, timestamptz, timestamptz, text);
-- 0.2.0: they have more arguments; if the old ones stayed, a call with the old arguments would be ambiguous.
DROP FUNCTION IF EXISTS rejection_reason(timestamptz, float8, float8, integer, float8, integer, timestamptz);
DROP FUNCTION IF EXISTS take_report(text, timestamptz, float8, float8, integer, float8, integer, text, text);
-- 0.3.0: it has the additional argument `latest`.
DROP FUNCTION IF EXISTS rejection_reason(timestamptz, float8, float8, integer, float8, integer, timestamptz, float8, float8,
  float8, integer, text);
