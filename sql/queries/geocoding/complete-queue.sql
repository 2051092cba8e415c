-- Removes the spans of a batch from the geocoding queue. If a cell of the batch may still get a better answer, all
-- spans stay and are due again when that answer is expected: finding the spans of that cell is not worth a query.
--
-- $1 bigint[]       ids of the spans
-- $2 text[]         hashed advertisement keys of the spans
-- $3 timestamptz[]  starts of the spans
-- $4 timestamptz[]  ends of the spans
--
-- Result: none.
-- Locks: the spans in geocoding_queue.
WITH provisional AS (
  SELECT least(max(c.provisional_until), now() + interval '20 seconds') AS until
  FROM cells_without_city($2, $3, $4) JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
  WHERE c.provisional_until > now()
  HAVING count(*) > 0
), postponed AS (
  UPDATE geocoding_queue SET not_before = provisional.until FROM provisional WHERE id = ANY ($1)
)
DELETE FROM geocoding_queue WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM provisional)
