-- Undoes daily_history.sql, location_history.sql, nearest_city.sql and history_layers.sql.
DROP FUNCTION update_nearest_city;
DROP FUNCTION IF EXISTS newest_cities; -- of the timescaledb engine
DROP VIEW history_layers;
DROP FUNCTION failing_policies;
DROP FUNCTION IF EXISTS aggregate_refreshes; -- of the timescaledb engine
DROP MATERIALIZED VIEW location_history;
DROP VIEW location_history_view, location_history_days;
DROP FUNCTION newest_day, shown_city, history_row_id;
