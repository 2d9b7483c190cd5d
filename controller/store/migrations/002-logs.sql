-- What guests and builds printed, and from where on to collect more.
CREATE TABLE log_streams (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  resume_at bigint NOT NULL,
  -- Of the texts that are kept.
  bytes bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE log_lines (
  -- The id of one of log_streams.
  stream bigint NOT NULL,
  position bigint NOT NULL,
  time timestamptz NOT NULL,
  source text NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (stream, position)
);
