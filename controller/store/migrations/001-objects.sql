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

-- Stores a batch that was decided on what was read before, and answers the version before its first. Null, and nothing is
-- stored, when an object of it was changed since, or somebody took over from the leader whose epoch is given. One statement
-- of the client: one that is paused or killed holds no lock.
CREATE FUNCTION commit_batch(fence bigint, batch json, objects text[], entries json) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  base bigint;
BEGIN
  SELECT version INTO base FROM store_state FOR UPDATE;
  IF fence IS NOT NULL AND NOT EXISTS (SELECT 1 FROM leases WHERE name = 'controller' AND epoch = fence) THEN
    RETURN NULL;
  END IF;
  IF EXISTS (
    SELECT 1 FROM json_to_recordset(batch) AS n (replaces bigint, kind text, namespace text, name text)
    LEFT JOIN revisions AS r ON r.kind = n.kind COLLATE "C" AND r.namespace = n.namespace COLLATE "C"
      AND r.name = n.name COLLATE "C" AND r.superseded_by IS NULL
    WHERE r.version IS DISTINCT FROM n.replaces
  ) THEN
    RETURN NULL;
  END IF;
  -- Before the insert: an object has one current revision at a time.
  UPDATE revisions AS r SET superseded_by = base + n.place
    FROM json_to_recordset(batch) AS n (place bigint, replaces bigint) WHERE r.version = n.replaces;
  INSERT INTO revisions (version, superseded_by, change, kind, namespace, name, uid, deleting, finalizers, owners, object)
    SELECT base + place, CASE WHEN change = 'DELETED' THEN base + place END, change, kind, namespace, name, uid, deleting,
      finalizers, owners, objects[place]::json
    FROM json_to_recordset(batch) AS n (
      place bigint, change text, kind text, namespace text, name text, uid text, deleting boolean, finalizers text[],
      owners text[]
    );
  INSERT INTO audit ("user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed)
    SELECT "user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, base + place, changed
    FROM json_to_recordset(entries) AS e (
      place bigint, "user" text, manager text, address text, user_agent text, request_id text, action text, kind text,
      namespace text, name text, uid text, changed text[]
    );
  UPDATE store_state SET version = base + json_array_length(batch);
  PERFORM pg_notify('containr_changes', '');
  RETURN base;
END
$$;

-- Gives the lease to the holder and answers its epoch; null while somebody else holds it. Waits for a commit under way, so
-- that no fenced write comes after a take-over.
CREATE FUNCTION take_lease(wanted text, new_holder text, ms double precision) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  taken bigint;
BEGIN
  IF EXISTS (
    SELECT 1 FROM leases
    WHERE name = wanted AND holder NOT IN ('', new_holder) AND clock_timestamp() < renewed_at + duration
  ) THEN
    RETURN NULL;
  END IF;
  PERFORM version FROM store_state FOR UPDATE;
  INSERT INTO leases AS l (name, holder, epoch, renewed_at, duration)
    VALUES (wanted, new_holder, 1, clock_timestamp(), ms * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE
      SET holder = excluded.holder, epoch = l.epoch + 1, renewed_at = clock_timestamp(), duration = excluded.duration
      WHERE l.holder IN ('', new_holder) OR clock_timestamp() >= l.renewed_at + l.duration
    RETURNING epoch INTO taken;
  RETURN taken;
END
$$;
