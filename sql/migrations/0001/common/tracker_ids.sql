-- Who registers trackers by SQL may give them ids, as an earlier system had them. The ids that the database gives go on
-- after the greatest of these: one of them given again would be a tracker that cannot be registered.
--
-- SECURITY DEFINER: who may INSERT need not have a right to the sequence. One of a table that was there before may be
-- unknown, where only its default names it; then its ids are as they were.
CREATE FUNCTION pass_given_ids() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids regclass := pg_get_serial_sequence('trackers', 'id');
BEGIN
  PERFORM setval(ids, max(id)) FROM inserted HAVING max(id) > coalesce(pg_sequence_last_value(ids), 0);
  RETURN NULL;
END $$;
CREATE TRIGGER pass_given_ids AFTER INSERT ON trackers
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION pass_given_ids();
