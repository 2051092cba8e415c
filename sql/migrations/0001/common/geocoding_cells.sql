-- What geocoding found for a cell of 0.01 degrees (about 1.1 km): one answer, whoever asks, for as long as it holds.
CREATE TABLE geocoding_cells (
  latitude_e2 integer NOT NULL, -- latitude in hundredths of a degree, rounded
  longitude_e2 integer NOT NULL,
  nearest_city text, -- NULL: there is none
  country text, -- ISO 3166-1 alpha-2
  provider text NOT NULL, -- who answered
  -- Provider and data that were configured then. Where others are, the cell is asked again, when somebody next wants it.
  asked_of text,
  geocoded_at timestamptz(3) NOT NULL DEFAULT now(),
  expires_at timestamptz(3), -- when it is asked again all the same: "none", and what was answered by a stand-in
  -- A stand-in answered, and until then the provider may still. History shows the answer; reports wait for the better one.
  provisional_until timestamptz(3),
  requested_at timestamptz(3), -- when the provider was asked for that better one
  PRIMARY KEY (latitude_e2, longitude_e2)
);
CREATE INDEX geocoding_cells_provisional ON geocoding_cells (geocoded_at DESC) WHERE provisional_until IS NOT NULL;

-- The cell coordinate of a latitude or longitude.
CREATE FUNCTION cell_of(degrees float8) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN round(degrees * 100)::integer;

-- Reports that came without a city, until geocoding has looked at them: one row for each tracker and day of each
-- statement. Appended and deleted, never updated by who brings reports: one row that all write would make them queue.
CREATE TABLE geocoding_queue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hashed_adv_key text COLLATE "C" NOT NULL,
  from_time timestamptz(3) NOT NULL, -- of one UTC day, both ends included
  to_time timestamptz(3) NOT NULL,
  reports integer NOT NULL,
  queued_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  not_before timestamptz(3) NOT NULL DEFAULT '-infinity'
);
CREATE INDEX geocoding_queue_newest ON geocoding_queue (to_time DESC);
