-- Moves the sequence of tracker ids past ids that were given in an INSERT, such as those of an earlier system: the sequence
-- would give one of them again, and that tracker could not be registered.
--
-- SECURITY DEFINER, because whoever may INSERT need not have rights to the sequence. The sequence of a table that existed
-- before is unknown if only the default of the column names it; then nothing changes.
--
-- Locks: none beyond those of setval().
CREATE OR REPLACE FUNCTION pass_given_ids() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ids regclass := pg_get_serial_sequence('trackers', 'id');
BEGIN
  PERFORM setval(ids, max(id)) FROM inserted HAVING max(id) > coalesce(pg_sequence_last_value(ids), 0);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER pass_given_ids AFTER INSERT ON trackers
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION pass_given_ids();
