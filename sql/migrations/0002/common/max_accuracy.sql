-- From which accuracy on a report is imprecise.
ALTER TABLE history_state
  -- Metres; 0: no report is imprecise. It counts for the reports that come in from now on.
  ADD COLUMN IF NOT EXISTS max_accuracy_meters float8 NOT NULL DEFAULT 1000
    CONSTRAINT max_accuracy_is_a_length CHECK (max_accuracy_meters >= 0 AND max_accuracy_meters < 'infinity');
