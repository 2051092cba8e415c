-- What geocoding has done, and how far back it has searched for rows without a city. One row.
CREATE TABLE geocoding_state (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  searched_from timestamptz, -- days from here on are searched; NULL: none yet, begin with the newest
  reports bigint NOT NULL DEFAULT 0, -- without a city that were looked at
  filled bigint NOT NULL DEFAULT 0, -- of them, and of days, that got one
  cells_asked bigint NOT NULL DEFAULT 0 -- for which a provider had to be asked
);
INSERT INTO geocoding_state DEFAULT VALUES;

-- Online providers, as all instances together see them: at most one request in so long, so many a day, and none while it
-- has asked for a pause or does not work.
CREATE TABLE geocoding_providers (
  name text PRIMARY KEY,
  next_request_at timestamptz(3) NOT NULL DEFAULT '-infinity',
  paused_until timestamptz(3) NOT NULL DEFAULT '-infinity',
  day date NOT NULL DEFAULT '-infinity', -- UTC, that requests are counted of
  requests integer NOT NULL DEFAULT 0,
  last_answer_at timestamptz(3),
  last_error text,
  last_error_at timestamptz(3)
);
