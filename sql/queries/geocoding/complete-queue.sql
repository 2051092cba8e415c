-- Removes spans from the geocoding queue. If a cell of the batch may still get a better answer, the spans stay, and come
-- up again when that answer is due: all of the batch, because finding out which span has which cells is not worth a query.
--
-- $1 bigint[]       ids of the spans
-- $2 text[]         hashed advertisement keys of the spans
-- $3 timestamptz[]  starts of the spans
-- $4 timestamptz[]  ends of the spans
--
-- Result: none.
-- Locks: the spans in geocoding_queue.
WITH waiting AS (
  SELECT least(max(c.provisional_until), now() + interval '20 seconds') AS until
  FROM cells_without_city($2, $3, $4) JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
  WHERE c.provisional_until > now()
  HAVING count(*) > 0
), again AS (
  UPDATE geocoding_queue SET not_before = waiting.until FROM waiting WHERE id = ANY ($1)
)
DELETE FROM geocoding_queue WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM waiting)
