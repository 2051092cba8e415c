-- Moves the sequence of tracker ids past ids that an INSERT sets itself, such as the ids of an earlier system:
-- otherwise the sequence would return one of them, and that tracker could not be registered.
--
-- SECURITY DEFINER, because a role that may INSERT may lack rights to the sequence. Does nothing if the column does not
-- own its sequence, as in a table that existed before the product.
--
-- Locks: only the locks of setval().
CREATE OR REPLACE FUNCTION pass_given_ids() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids regclass := pg_get_serial_sequence('trackers', 'id');
BEGIN
  PERFORM setval(ids, max(id)) FROM inserted HAVING max(id) > coalesce(pg_sequence_last_value(ids), 0);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER pass_given_ids AFTER INSERT ON trackers
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION pass_given_ids();
