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

-- Stores lines and where to resume, of many streams at once. Lines whose position is known are left as they are.
CREATE FUNCTION append_logs(streams json, lines json, notifications json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  -- A crash of the machine may lose the last moment, but lines and place together: they are collected again.
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO log_streams (name, resume_at, bytes)
    SELECT name, resume_at, 0 FROM json_to_recordset(streams) AS n (name text, resume_at bigint) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET resume_at = excluded.resume_at;
  WITH inserted AS (
    INSERT INTO log_lines (stream, position, time, source, text)
      SELECT s.id, n.position, n.time, n.source, n.text
      FROM json_to_recordset(lines) AS n (stream text, position bigint, time timestamptz, source text, text text)
      JOIN log_streams AS s ON s.name = n.stream COLLATE "C"
      ON CONFLICT (stream, position) DO NOTHING
      RETURNING stream, octet_length(text) AS bytes
  )
  UPDATE log_streams AS s SET bytes = s.bytes + grown.bytes
    FROM (SELECT stream, sum(bytes) AS bytes FROM inserted GROUP BY stream) AS grown
    WHERE s.id = grown.stream;
  PERFORM pg_notify('containr_logs', n.value) FROM json_array_elements_text(notifications) AS n;
END
$$;

CREATE FUNCTION remove_log(removed text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM log_streams WHERE name = removed RETURNING id INTO gone;
  -- Only now: whoever appended to it until this moment has committed, so these are all.
  DELETE FROM log_lines WHERE stream = gone;
END
$$;
