-- What may not be done to raw reports, because history could not follow.

CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'TRUNCATE of % would lose history without a trace; DELETE the reports instead', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported';
END $$;
CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- A report is what was reported. Whoever wants another place or time deletes it and inserts another one.
CREATE OR REPLACE FUNCTION refuse_moving_reports() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'hashed_adv_key, timestamp and location of a report cannot be changed; DELETE it and INSERT another'
    USING ERRCODE = 'feature_not_supported';
END $$;
CREATE OR REPLACE TRIGGER refuse_moving_reports BEFORE UPDATE OF hashed_adv_key, timestamp, location ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_moving_reports();
