-- Leases whose session currently holds the advisory lock of that name.
--
-- Locks: none.
CREATE OR REPLACE VIEW lock_holders AS
SELECT l.name, l.token, l.holder, l.backend_pid, l.acquired_at, l.expires_at
FROM lock_leases AS l
JOIN pg_locks AS p ON p.pid = l.backend_pid AND p.locktype = 'advisory' AND p.granted AND p.objsubid = 1
  AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  -- pg_locks shows the key as two halves.
  AND (p.classid::bigint << 32 | p.objid::bigint) = hashtextextended(l.name, 0)
JOIN pg_stat_activity AS a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start;
