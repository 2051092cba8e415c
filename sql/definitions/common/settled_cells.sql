-- Cells whose city is copied to reports: they have one, and no better answer is expected.
--
-- Locks: none.
CREATE OR REPLACE VIEW geocoding_settled_cells AS
SELECT latitude_e2, longitude_e2, nearest_city FROM geocoding_cells
WHERE nearest_city IS NOT NULL AND (provisional_until IS NULL OR provisional_until <= now());
