-- The new aggregates may lack what came in since they were filled: the refresher is to look at all that raw reports say.
INSERT INTO refresh_markers (from_time, to_time)
SELECT closed_before, now() + interval '10 minutes' FROM history_state;
SELECT pg_notify('refresh_location_history', '');
