-- As before, but the news of a commit says up to which version it went: who knows of that already need not look.
CREATE OR REPLACE FUNCTION commit_batch(fence bigint, batch json, objects text[], entries json) RETURNS bigint
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
  INSERT INTO audit ("user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, version, changed,
      changes)
    SELECT "user", manager, address, user_agent, request_id, action, kind, namespace, name, uid, base + place, changed,
      changes
    FROM json_to_recordset(entries) AS e (
      place bigint, "user" text, manager text, address text, user_agent text, request_id text, action text, kind text,
      namespace text, name text, uid text, changed text[], changes json
    );
  UPDATE store_state SET version = base + json_array_length(batch);
  PERFORM pg_notify('containr_changes', (base + json_array_length(batch))::text);
  RETURN base;
END
$$;
