-- Takes an earlier trackers table over as it stands, with its rows, its other columns, and what refers to it: it gets
-- the columns, types and constraints of trackers.sql where it lacks them. Needed of it are a number as id, a name, and
-- hashed_adv_key (or hashed_advertisement_key). Raises what is in the way, before anything is lost: one transaction.

-- What was changed, and how to undo it; the newest first.
CREATE TABLE trackers_adoption (
  step integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  undo text NOT NULL
);
COMMENT ON TABLE trackers_adoption IS 'trackers was there before this product; undoing its migrations runs these.';

CREATE FUNCTION pg_temp.adopt(change text, undo text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE change;
  INSERT INTO trackers_adoption (undo) VALUES (undo);
EXCEPTION WHEN OTHERS THEN
  RAISE EXCEPTION 'the table trackers cannot be taken over: % (in: %)', SQLERRM, change USING ERRCODE = SQLSTATE;
END $$;

CREATE FUNCTION pg_temp.refuse_trackers(problem text, example text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF example IS NOT NULL THEN
    RAISE EXCEPTION 'the table trackers cannot be taken over: % (%)', problem, example
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Change that, or rename the table, and migrate again.';
  END IF;
END $$;

DO $$
DECLARE
  wanted record;
  present record;
BEGIN
  IF to_regtype('tracker_status') IS NULL THEN
    PERFORM pg_temp.adopt($sql$CREATE TYPE tracker_status AS ENUM ('CREATED', 'IN_TRANSIT', 'IN_STORAGE', 'DELIVERED')$sql$,
      'DROP TYPE tracker_status');
  ELSE
    PERFORM pg_temp.refuse_trackers('the type tracker_status has other values', string_agg(enumlabel, ', ' ORDER BY enumsortorder))
      FROM pg_enum WHERE enumtypid = to_regtype('tracker_status')
      HAVING array_agg(enumlabel::text ORDER BY enumlabel::text COLLATE "C")
        IS DISTINCT FROM ARRAY['CREATED', 'DELIVERED', 'IN_STORAGE', 'IN_TRANSIT'];
  END IF;

  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'trackers'::regclass AND attname = 'hashed_advertisement_key')
    AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'trackers'::regclass AND attname = 'hashed_adv_key')
  THEN
    PERFORM pg_temp.adopt('ALTER TABLE trackers RENAME hashed_advertisement_key TO hashed_adv_key',
      'ALTER TABLE trackers RENAME hashed_adv_key TO hashed_advertisement_key');
  END IF;

  FOR wanted IN
    SELECT * FROM (VALUES
      ('id', 'bigint', true, NULL),
      ('name', 'text', true, NULL),
      ('advertisement_key', 'text', false, NULL),
      ('hashed_adv_key', 'text', true, NULL),
      ('mac_address', 'text', false, NULL),
      ('current_status', 'tracker_status', false, $sql$'CREATED'$sql$),
      ('last_report_received', 'timestamp(3) with time zone', false, NULL),
      ('last_report_requested', 'timestamp(3) with time zone', false, NULL),
      ('created_at', 'timestamp(3) with time zone', false, 'now()'),
      ('updated_at', 'timestamp(3) with time zone', false, 'now()')
    ) AS columns (name, type, required, default_value)
  LOOP
    SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.atttypid = 'timestamp'::regtype AS is_local_time,
        a.attcollation = '"C"'::regcollation AS is_c, pg_get_expr(d.adbin, d.adrelid) AS default_value
      INTO present
      FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = 'trackers'::regclass AND a.attname = wanted.name AND NOT a.attisdropped;
    IF NOT FOUND THEN
      PERFORM pg_temp.refuse_trackers('a column is missing', wanted.name) WHERE wanted.required;
      PERFORM pg_temp.adopt(format('ALTER TABLE trackers ADD %I %s', wanted.name, wanted.type),
        format('ALTER TABLE trackers DROP %I', wanted.name));
    ELSIF wanted.name = 'id' AND present.type NOT IN ('bigint', 'integer', 'smallint') THEN
      PERFORM pg_temp.refuse_trackers('its id is no whole number', present.type);
    ELSIF present.type <> wanted.type OR wanted.name = 'hashed_adv_key' AND NOT present.is_c THEN
      -- A default of the old type would be in the way; that of an id stays, it is a sequence.
      IF present.default_value IS NOT NULL AND wanted.name <> 'id' THEN
        PERFORM pg_temp.adopt(format('ALTER TABLE trackers ALTER %I DROP DEFAULT', wanted.name),
          format('ALTER TABLE trackers ALTER %I SET DEFAULT %s', wanted.name, present.default_value));
      END IF;
      PERFORM pg_temp.adopt(
        format('ALTER TABLE trackers ALTER %1$I TYPE %2$s %3$s USING %4$s', wanted.name, wanted.type,
          CASE WHEN wanted.name = 'hashed_adv_key' THEN 'COLLATE "C"' END,
          CASE
            WHEN present.is_local_time THEN format('%I AT TIME ZONE ''UTC''', wanted.name)
            WHEN wanted.name = 'current_status' THEN 'upper(current_status::text)::tracker_status'
            ELSE format('%I::%s', wanted.name, wanted.type)
          END),
        format('ALTER TABLE trackers ALTER %1$I TYPE %2$s %3$s USING %4$s', wanted.name, present.type,
          CASE WHEN wanted.name = 'hashed_adv_key' THEN 'COLLATE "default"' END,
          CASE WHEN present.is_local_time THEN format('%I AT TIME ZONE ''UTC''', wanted.name)
            ELSE format('%I::text::%s', wanted.name, present.type) END));
      present.default_value := NULL;
    END IF;
    IF wanted.default_value IS NOT NULL AND present.default_value IS NULL THEN
      PERFORM pg_temp.adopt(format('ALTER TABLE trackers ALTER %I SET DEFAULT %s', wanted.name, wanted.default_value),
        format('ALTER TABLE trackers ALTER %I DROP DEFAULT', wanted.name));
    END IF;
  END LOOP;

  -- What every tracker must have, and no two may share.
  IF EXISTS (SELECT FROM trackers WHERE hashed_adv_key IS NULL AND advertisement_key IS NOT NULL) THEN
    BEGIN
      UPDATE trackers SET hashed_adv_key = encode(sha256(decode(advertisement_key, 'base64')), 'base64')
        WHERE hashed_adv_key IS NULL AND advertisement_key IS NOT NULL;
    EXCEPTION WHEN invalid_parameter_value THEN
      PERFORM pg_temp.refuse_trackers('an advertisement_key without its hash is not base64', SQLERRM);
    END;
  END IF;
  UPDATE trackers SET current_status = coalesce(current_status, 'CREATED'), created_at = coalesce(created_at, now()),
      updated_at = coalesce(updated_at, now())
    WHERE current_status IS NULL OR created_at IS NULL OR updated_at IS NULL;
  PERFORM pg_temp.refuse_trackers('there are trackers without hashed_adv_key', 'ids ' || string_agg(id::text, ', '))
    FROM (SELECT id FROM trackers WHERE hashed_adv_key IS NULL ORDER BY id LIMIT 5) AS t;
  PERFORM pg_temp.refuse_trackers('there are trackers without a name', 'ids ' || string_agg(id::text, ', '))
    FROM (SELECT id FROM trackers WHERE coalesce(name, '') = '' ORDER BY id LIMIT 5) AS t;
  PERFORM pg_temp.refuse_trackers('trackers share a name', min(name))
    FROM (SELECT name FROM trackers GROUP BY 1 HAVING count(*) > 1) AS t;
  PERFORM pg_temp.refuse_trackers('trackers share a hashed_adv_key', min(hashed_adv_key))
    FROM (SELECT hashed_adv_key FROM trackers GROUP BY 1 HAVING count(*) > 1) AS t;
  PERFORM pg_temp.refuse_trackers('trackers share an advertisement_key', min(advertisement_key))
    FROM (SELECT advertisement_key FROM trackers WHERE advertisement_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1) AS t;

  -- The rest of the schema, and of the product, counts on these; where they are there already nothing is changed.
  FOR present IN
    SELECT a.attname AS name, a.attnotnull,
      a.attname IN ('id', 'name', 'hashed_adv_key', 'current_status', 'created_at', 'updated_at') AS needed,
      a.attidentity <> '' OR a.attgenerated <> '' OR a.atthasdef AS filled
    FROM pg_attribute AS a WHERE a.attrelid = 'trackers'::regclass AND a.attnum > 0 AND NOT a.attisdropped
  LOOP
    IF present.needed AND NOT present.attnotnull THEN
      PERFORM pg_temp.adopt(format('ALTER TABLE trackers ALTER %I SET NOT NULL', present.name),
        format('ALTER TABLE trackers ALTER %I DROP NOT NULL', present.name));
    ELSIF NOT present.needed AND present.attnotnull AND NOT present.filled THEN
      -- Nobody fills it in for the trackers to come, which may be in the way of the undoing.
      PERFORM pg_temp.adopt(format('ALTER TABLE trackers ALTER %I DROP NOT NULL', present.name),
        format('DO $undo$ BEGIN ALTER TABLE trackers ALTER %I SET NOT NULL; EXCEPTION WHEN not_null_violation THEN NULL; END $undo$',
          present.name));
    END IF;
    IF present.name = 'id' AND NOT present.filled THEN
      PERFORM pg_temp.adopt('ALTER TABLE trackers ALTER id ADD GENERATED BY DEFAULT AS IDENTITY',
        'ALTER TABLE trackers ALTER id DROP IDENTITY');
      PERFORM setval(pg_get_serial_sequence('trackers', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM trackers), false);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'trackers'::regclass AND contype = 'p') THEN
    PERFORM pg_temp.adopt('ALTER TABLE trackers ADD CONSTRAINT trackers_pkey PRIMARY KEY (id)',
      'ALTER TABLE trackers DROP CONSTRAINT trackers_pkey');
  END IF;
  FOR wanted IN
    SELECT * FROM (VALUES
      ('trackers_name_not_empty', $sql$CHECK (name <> '')$sql$),
      ('trackers_name_key', 'UNIQUE (name)'),
      ('trackers_advertisement_key_key', 'UNIQUE (advertisement_key)'),
      ('trackers_hashed_adv_key_key', 'UNIQUE (hashed_adv_key)')
    ) AS constraints (name, definition)
    WHERE NOT EXISTS (
      SELECT FROM pg_constraint AS c WHERE c.conrelid = 'trackers'::regclass AND c.conname = constraints.name)
  LOOP
    PERFORM pg_temp.adopt(format('ALTER TABLE trackers ADD CONSTRAINT %I %s', wanted.name, wanted.definition),
      format('ALTER TABLE trackers DROP CONSTRAINT %I', wanted.name));
  END LOOP;
END $$;
