-- Starts a round: every tracker that has a key is to be fetched. If a fetcher is working on a round, that round goes on
-- instead, so that two callers share one. What is left of an abandoned round becomes part of the new one.
--
-- No parameters.
--
-- Result: none.
-- Locks: the rows of the trackers in tracker_fetches.
INSERT INTO tracker_fetches AS f (tracker_id, wanted_at, in_round)
-- Not DISTINCT: TimescaleDB would plan a SkipScan below the condition, and fails at that (2.28).
SELECT t.id, now(), true FROM trackers AS t
WHERE EXISTS (SELECT FROM tracker_keys AS k WHERE k.tracker_id = t.id)
  AND NOT EXISTS (SELECT FROM tracker_fetches AS a WHERE a.in_round AND a.leased_until > clock_timestamp())
ORDER BY t.id
ON CONFLICT (tracker_id) DO UPDATE SET wanted_at = coalesce(f.wanted_at, excluded.wanted_at), in_round = true
-- Else one that was asked for while this statement waited would be asked for again.
WHERE coalesce(f.attempted_at < now(), true)
