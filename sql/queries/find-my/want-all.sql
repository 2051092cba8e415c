-- Begins a round: the reports of all trackers that have a key are wanted. While somebody is at a round it goes on
-- instead, so that two who begin at the same time share one; what was left of one that nobody is at becomes part of the
-- new one.
--
-- No parameters. No rows.
--
-- Locks: the rows of the trackers.
INSERT INTO tracker_fetches AS f (tracker_id, wanted_at, in_round)
-- Not DISTINCT: TimescaleDB would plan a SkipScan below the condition, and fails at that (2.28).
SELECT t.id, now(), true FROM trackers AS t
WHERE EXISTS (SELECT FROM tracker_keys AS k WHERE k.tracker_id = t.id)
  AND NOT EXISTS (SELECT FROM tracker_fetches AS a WHERE a.in_round AND a.leased_until > clock_timestamp())
ORDER BY t.id
ON CONFLICT (tracker_id) DO UPDATE SET wanted_at = coalesce(f.wanted_at, excluded.wanted_at), in_round = true
-- Else one that was asked for while this statement waited would be asked for again.
WHERE coalesce(f.attempted_at < now(), true)
