-- Undoes settled_cells.sql and geocoding_state.sql.
DROP VIEW geocoding_settled_cells;
DROP TABLE geocoding_state, geocoding_providers;
