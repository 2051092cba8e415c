-- Takes an advisory lock for this session, and records its lease, in one statement.
--
-- $1 text     name of the lock
-- $2 uuid     token of this acquisition
-- $3 text     name of the process, for people to read
-- $4 integer  duration of the lease in milliseconds
--
-- Result: "backendPid"; no row if another session holds the lock.
-- Locks: the advisory lock of that name, until this session releases it or ends; its row in lock_leases.
WITH lock AS MATERIALIZED (
  SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS is_acquired
)
INSERT INTO lock_leases (name, token, holder, backend_pid, backend_start, acquired_at, expires_at)
SELECT $1, $2, $3, a.pid, a.backend_start, clock_timestamp(), clock_timestamp() + make_interval(secs => $4::integer / 1000.0)
FROM lock JOIN pg_stat_activity AS a ON lock.is_acquired AND a.pid = pg_backend_pid()
ON CONFLICT (name) DO UPDATE SET token = excluded.token, holder = excluded.holder, backend_pid = excluded.backend_pid,
  backend_start = excluded.backend_start, acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
RETURNING backend_pid AS "backendPid"
