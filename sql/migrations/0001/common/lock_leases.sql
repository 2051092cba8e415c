-- Who works under which lock. The lock itself is an advisory lock of the session that works; a lease says until when its
-- owner answers for it, so that the next one can end a session whose owner hangs. Unlogged: after a crash of the server
-- no session is left that a lease could speak of, and taking a lock waits for no disk.
CREATE UNLOGGED TABLE lock_leases (
  name text PRIMARY KEY,
  token uuid NOT NULL, -- of one acquisition
  holder text NOT NULL, -- host and process, for people
  backend_pid integer NOT NULL,
  backend_start timestamptz NOT NULL, -- process ids are used again
  acquired_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL -- by this database's clock
);

-- Leases whose session holds the lock they speak of at this moment.
CREATE VIEW lock_holders AS
SELECT l.name, l.token, l.holder, l.backend_pid, l.acquired_at, l.expires_at
FROM lock_leases AS l
JOIN pg_locks AS p ON p.pid = l.backend_pid AND p.locktype = 'advisory' AND p.granted AND p.objsubid = 1
  AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  -- pg_locks shows the two halves of the number.
  AND (p.classid::bigint << 32 | p.objid::bigint) = hashtextextended(l.name, 0)
JOIN pg_stat_activity AS a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start;
