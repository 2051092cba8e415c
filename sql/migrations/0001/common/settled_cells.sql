-- Cells whose answer goes into reports: there is a city, and nothing better is on its way.
CREATE VIEW geocoding_settled_cells AS
SELECT latitude_e2, longitude_e2, nearest_city FROM geocoding_cells
WHERE nearest_city IS NOT NULL AND (provisional_until IS NULL OR provisional_until <= now());
