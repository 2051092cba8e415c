-- Starts a round: queues every tracker that has a key. Does nothing while a fetcher works on a round, so that two
-- callers share one round. The remaining trackers of an abandoned round become part of the new one.
--
-- No parameters.
--
-- Result: none.
-- Locks: the rows of the trackers in tracker_fetches.
INSERT INTO tracker_fetches AS f (tracker_id, wanted_at, in_round)
-- Not DISTINCT: TimescaleDB (2.28) would plan a SkipScan below the condition, and the statement would fail.
SELECT t.id, now(), true FROM trackers AS t
WHERE EXISTS (SELECT FROM tracker_keys AS k WHERE k.tracker_id = t.id)
  AND NOT EXISTS (SELECT FROM tracker_fetches AS a WHERE a.in_round AND a.leased_until > clock_timestamp())
ORDER BY t.id
ON CONFLICT (tracker_id) DO UPDATE SET wanted_at = coalesce(f.wanted_at, excluded.wanted_at), in_round = true
-- Otherwise a tracker that was fetched while this statement waited would be fetched again.
WHERE coalesce(f.attempted_at < now(), true)
