-- Undoes tracker_fetches.sql and tracker_keys.sql.
DROP TABLE find_my_pace, tracker_fetches;
DROP FUNCTION announce_tracker_fetches, end_run_of_removed_tracker;
DROP TRIGGER refuse_key_of_another_tracker_changed ON trackers;
DROP TRIGGER refuse_key_of_another_tracker ON trackers;
DROP TABLE tracker_keys;
DROP FUNCTION refuse_key_of_another_tracker;
