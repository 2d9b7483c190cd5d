-- One row: the newest version that was committed, and up to where the history is forgotten. Every write locks it, so that
-- versions are given in the order of commit.
CREATE TABLE store_state (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  version bigint NOT NULL,
  compacted bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO store_state (version, compacted) VALUES (0, 0);

-- Every version of every object until it is compacted. The current ones are those that nothing superseded. A deletion is a
-- row that supersedes itself.
CREATE TABLE revisions (
  version bigint PRIMARY KEY,
  superseded_by bigint,
  change text NOT NULL CHECK (change IN ('ADDED', 'MODIFIED', 'DELETED')),
  kind text COLLATE "C" NOT NULL,
  -- Empty for cluster-scoped kinds.
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  uid text NOT NULL,
  deleting boolean NOT NULL,
  finalizers text[] NOT NULL,
  -- The uids of its owners.
  owners text[] NOT NULL,
  -- json and not jsonb: any text that JavaScript can hold comes back as it was.
  object json NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE UNIQUE INDEX revisions_current ON revisions (kind, namespace, name) WHERE superseded_by IS NULL;
CREATE UNIQUE INDEX revisions_uid ON revisions (uid) WHERE superseded_by IS NULL;
CREATE INDEX revisions_superseded ON revisions (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE leases (
  name text PRIMARY KEY,
  -- Empty while nobody holds it.
  holder text NOT NULL,
  epoch bigint NOT NULL,
  renewed_at timestamptz NOT NULL,
  duration interval NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  "user" text,
  manager text NOT NULL,
  address text,
  user_agent text,
  request_id text,
  action text NOT NULL,
  kind text NOT NULL,
  namespace text,
  name text NOT NULL,
  uid text NOT NULL,
  version bigint NOT NULL,
  changed text[] NOT NULL
);
CREATE INDEX audit_user ON audit ("user", id);
CREATE INDEX audit_uid ON audit (uid, id);

-- Stores a batch that was decided on what was read before: all of it, or (false) nothing when somebody else committed or took
-- over the lead since. One statement of the client, so a client that is paused or killed never holds the lock.
CREATE FUNCTION commit_batch(expected_version bigint, expected_epoch bigint, batch json) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  current_version bigint;
  current_epoch bigint;
BEGIN
  SELECT version INTO current_version FROM store_state FOR UPDATE;
  SELECT epoch INTO current_epoch FROM leases WHERE name = 'controller';
  IF current_version <> expected_version OR current_epoch IS DISTINCT FROM expected_epoch THEN
    RETURN false;
  END IF;
  -- Before the insert: an object has one current revision at a time.
  UPDATE revisions AS r SET superseded_by = s.by
    FROM json_to_recordset(batch -> 'superseded') AS s (version bigint, by bigint)
    WHERE r.version = s.version;
  INSERT INTO revisions (version, superseded_by, change, kind, namespace, name, uid, deleting, finalizers, owners, object)
    SELECT version, superseded_by, change, kind, namespace, name, uid, deleting, finalizers, owners, object::json
    FROM json_to_recordset(batch -> 'revisions') AS n (
      version bigint, superseded_by bigint, change text, kind text, namespace text, name text, uid text, deleting boolean,
      finalizers text[], owners text[], object text
    );
  INSERT INTO audit ("user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed)
    SELECT "user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed
    FROM json_to_recordset(batch -> 'audit') AS a (
      "user" text, manager text, address text, user_agent text, request_id text, action text, kind text, namespace text,
      name text, uid text, version bigint, changed text[]
    );
  UPDATE store_state SET version = expected_version + json_array_length(batch -> 'revisions');
  PERFORM pg_notify('containr_changes', '');
  RETURN true;
END
$$;
