-- The agreed time, by which retention removes history. It never relies on a single clock: a clock that is three days
-- ahead for 20 seconds would otherwise close three days.
--
-- The agreed time advances with the uptime of the machines that run the product, which does not change when a clock is
-- set. It is never ahead of the clock of the database or of a program, and never moves back.
--
-- Locks: observe_clock() and accept_clock() lock the row of history_clock.

-- The time that retention uses.
CREATE OR REPLACE FUNCTION agreed_now() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT least(now(), agreed_at) FROM history_clock);

-- The latest time a report may have: ten minutes from now, because device clocks may be ahead. If the clock of the
-- database is behind, proved_at is used instead: the uptime of the machines proves that time has passed.
CREATE OR REPLACE FUNCTION latest_report_time() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT greatest(now(), proved_at) + interval '10 minutes' FROM history_clock);

-- Reports the clock of a program and the uptime of its machine (in seconds), and moves the agreed time forward:
--
-- 1. by the time that has passed according to the uptime of the machine;
-- 2. to the tenth newest report after that time, if the ten newest span 15 minutes: the clocks of their devices confirm
--    the clocks of database and program. A single report may come from a faulty device;
-- 3. to the earlier of the two clocks, if they agree and are at most five minutes ahead of the agreed time;
-- 4. to the earlier of the two clocks, on a new or rebooted machine, if they have agreed for 15 minutes without a
--    jump and are at most an hour ahead of the agreed time: both may be the same clock, which the boot set wrong.
--
-- Returns the clock of the database, and the agreed time before and after.
CREATE OR REPLACE FUNCTION observe_clock(machine text, uptime float8, program_time timestamptz)
RETURNS TABLE (database_time timestamptz, agreed_before timestamptz, agreed_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  tolerance constant interval := interval '5 minutes';
  since_boot constant interval := make_interval(secs => observe_clock.uptime);
  before timestamptz;
  agreed timestamptz;
  ceiling timestamptz;
  clocks_agree boolean;
  last_seen timestamptz;
  m clock_machines;
BEGIN
  SELECT c.agreed_at, c.seen_at INTO STRICT before, last_seen FROM history_clock AS c FOR UPDATE;
  SELECT * INTO m FROM clock_machines AS k WHERE k.machine = observe_clock.machine;
  database_time := clock_timestamp();
  ceiling := least(database_time, program_time);
  clocks_agree := greatest(database_time, program_time) - ceiling <= tolerance;
  agreed := greatest(before, m.started_at + since_boot);

  IF ceiling - agreed > tolerance THEN
    agreed := greatest(agreed, (
      SELECT min(newest.timestamp) FROM (
        SELECT r.timestamp FROM location_reports AS r WHERE r.timestamp > agreed AND r.timestamp <= ceiling
        ORDER BY r.timestamp DESC LIMIT 10
      ) AS newest HAVING count(*) = 10 AND max(newest.timestamp) - min(newest.timestamp) >= interval '15 minutes'));
  END IF;
  IF clocks_agree AND ceiling - agreed <= tolerance THEN
    agreed := ceiling;
    m.started_at := coalesce(m.started_at, ceiling - since_boot);
  ELSIF m.started_at IS NULL THEN
    IF clocks_agree AND m.candidate_start IS NOT NULL
      AND abs(extract(epoch FROM ceiling - since_boot - m.candidate_start)) <= extract(epoch FROM tolerance)
    THEN
      IF uptime - m.candidate_uptime >= 900 AND ceiling - agreed <= interval '1 hour' THEN
        agreed := ceiling;
        m.started_at := ceiling - since_boot;
      END IF;
    ELSE
      m.candidate_start := ceiling - since_boot;
      m.candidate_uptime := uptime;
    END IF;
  END IF;

  agreed := greatest(before, least(agreed, ceiling));
  m.started_at := greatest(m.started_at, CASE WHEN m.started_at IS NOT NULL THEN agreed - since_boot END);
  UPDATE history_clock AS c SET agreed_at = agreed, seen_at = database_time,
    proved_at = greatest(agreed, m.started_at + since_boot);
  IF database_time < last_seen - interval '1 minute' THEN
    PERFORM take_back_waits(last_seen - database_time);
  END IF;
  INSERT INTO clock_machines AS k (machine, started_at, candidate_start, candidate_uptime, seen_at)
  VALUES (observe_clock.machine, m.started_at, m.candidate_start, m.candidate_uptime, agreed)
  ON CONFLICT (machine) DO UPDATE SET started_at = excluded.started_at, candidate_start = excluded.candidate_start,
    candidate_uptime = excluded.candidate_uptime, seen_at = excluded.seen_at;
  DELETE FROM clock_machines AS k WHERE k.seen_at < agreed - interval '30 days';
  RETURN QUERY SELECT database_time, before, agreed;
END $$;

-- After the clock of the database was set back, moves stored future times back as well, so that nothing waits longer
-- than intended.
CREATE OR REPLACE FUNCTION take_back_waits(set_back interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  deadline record;
BEGIN
  FOR deadline IN SELECT * FROM (VALUES
    ('lock_leases', 'expires_at'), ('tracker_fetches', 'leased_until'), ('tracker_fetches', 'attempted_at'),
    ('find_my_pace', 'next_call_at'), ('geocoding_queue', 'not_before'), ('geocoding_queue', 'queued_at'),
    ('geocoding_cells', 'provisional_until'), ('geocoding_cells', 'expires_at'), ('geocoding_providers', 'next_request_at'),
    ('geocoding_providers', 'paused_until'), ('job_runs', 'retry_at'), ('trackers', 'last_report_received'),
    ('refresh_state', 'notified_at'), ('refresh_state', 'periodic_at'), ('refresh_state', 'behind_since'),
    ('refresh_markers', 'created_at')
  ) AS v (relation, column_name) LOOP
    EXECUTE format('UPDATE %I SET %2$I = greatest(clock_timestamp(), %2$I - $1) WHERE %2$I > clock_timestamp() AND isfinite(%2$I)',
      deadline.relation, deadline.column_name) USING set_back;
  END LOOP;
END $$;

-- Sets the agreed time to the clock of the database, after an operator has confirmed that it is right. Forgets the
-- uptimes of all machines.
CREATE OR REPLACE FUNCTION accept_clock() RETURNS timestamptz LANGUAGE sql AS $$
  DELETE FROM clock_machines;
  UPDATE history_clock SET agreed_at = clock_timestamp(), proved_at = clock_timestamp() RETURNING agreed_at
$$;
