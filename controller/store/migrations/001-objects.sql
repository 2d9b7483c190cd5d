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
