-- Ends spans of the queue. Where a cell may still get a better answer its reports wait for that: those spans come again.
-- All of a batch, because which span has which cells is not worth another look.
-- $1 bigint[] ids of the spans, $2 text[] trackers, $3 timestamptz[] from, $4 timestamptz[] to
WITH waiting AS (
  SELECT least(max(c.provisional_until), now() + interval '20 seconds') AS until
  FROM cells_without_city($2, $3, $4) JOIN geocoding_cells AS c USING (latitude_e2, longitude_e2)
  WHERE c.provisional_until > now()
  HAVING count(*) > 0
), again AS (
  UPDATE geocoding_queue SET not_before = waiting.until FROM waiting WHERE id = ANY ($1)
)
DELETE FROM geocoding_queue WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM waiting)
