-- Takes an advisory lock for this session, and writes the lease of it, at once.
--
-- $1 text     name of the lock
-- $2 uuid     token of this acquisition
-- $3 text     who asks, for people
-- $4 integer  milliseconds that the lease holds
-- Result: one row (backend_pid) where the lock was free; none where another session holds it.
-- Locks: the advisory lock of the name, until this session gives it back or ends.
WITH lock AS MATERIALIZED (
  SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken
)
INSERT INTO lock_leases (name, token, holder, backend_pid, backend_start, acquired_at, expires_at)
SELECT $1, $2, $3, a.pid, a.backend_start, clock_timestamp(), clock_timestamp() + make_interval(secs => $4::integer / 1000.0)
FROM lock JOIN pg_stat_activity AS a ON lock.taken AND a.pid = pg_backend_pid()
ON CONFLICT (name) DO UPDATE SET token = excluded.token, holder = excluded.holder, backend_pid = excluded.backend_pid,
  backend_start = excluded.backend_start, acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
RETURNING backend_pid AS "backendPid"
