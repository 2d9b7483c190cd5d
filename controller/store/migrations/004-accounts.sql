-- People. Only a hash of each password is kept.
CREATE TABLE users (
  id text PRIMARY KEY,
  email text NOT NULL,
  name text NOT NULL,
  avatar_url text,
  password_hash text NOT NULL,
  administrator boolean NOT NULL,
  -- Sessions of an earlier era are over.
  session_era int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- Every address that an account has or had: nobody else can ever have it, and with it what was granted to it.
CREATE TABLE user_addresses (
  -- In lower case.
  address text COLLATE "C" PRIMARY KEY,
  user_id text NOT NULL REFERENCES users (id),
  place int NOT NULL
);
CREATE INDEX user_addresses_user ON user_addresses (user_id, place);

-- Sessions that were ended before their time.
CREATE TABLE ended_sessions (
  id text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX ended_sessions_expires_at ON ended_sessions (expires_at);

-- Null for tokens that belong to no account, such as the first administrator's.
ALTER TABLE api_tokens ADD COLUMN owner text REFERENCES users (id);
-- Made by a login, for a machine that somebody sits at.
ALTER TABLE api_tokens ADD COLUMN login boolean NOT NULL DEFAULT false;
CREATE INDEX api_tokens_owner ON api_tokens (owner);

-- What somebody did that no version of an object shows.
CREATE FUNCTION note_audit(entry json) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO audit ("user", manager, address, user_agent, request_id, action, kind, name, uid, version, changed)
    SELECT "user", manager, address, user_agent, request_id, action, kind, name, uid, 0, changed
    FROM json_to_record(entry) AS e (
      "user" text, manager text, address text, user_agent text, request_id text, action text, kind text, name text, uid text,
      changed text[]
    );
$$;

-- Makes an account; the first one is an administrator's. Answers how it ended: registered, taken or closed.
CREATE FUNCTION register_account(account json, folded text, policy text, at timestamptz, entry json) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  is_first boolean;
BEGIN
  -- Of two that are the first at once, one waits here and sees the other.
  LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
  is_first := NOT EXISTS (SELECT 1 FROM users);
  IF policy = 'closed' OR (policy = 'first-user' AND NOT is_first) THEN
    RETURN 'closed';
  END IF;
  IF EXISTS (SELECT 1 FROM user_addresses WHERE address = folded COLLATE "C") THEN
    RETURN 'taken';
  END IF;
  INSERT INTO users (id, email, name, avatar_url, password_hash, administrator, created_at, updated_at)
    SELECT id, email, name, avatar_url, password_hash, is_first, at, at
    FROM json_to_record(account) AS a (id text, email text, name text, avatar_url text, password_hash text);
  INSERT INTO user_addresses (address, user_id, place) VALUES (folded, account ->> 'id', 1);
  PERFORM note_audit(entry);
  RETURN 'registered';
END
$$;

-- Changes what a person says about themselves; null leaves a field as it is. Answers how it ended: updated, taken, full (the
-- account had too many addresses already) or absent.
CREATE FUNCTION update_account(
  who text, new_email text, folded text, new_name text, new_avatar text, most_addresses int, at timestamptz, entry json
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  holder text;
  held int;
BEGIN
  LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT 1 FROM users WHERE id = who) THEN
    RETURN 'absent';
  END IF;
  IF folded IS NOT NULL THEN
    SELECT user_id INTO holder FROM user_addresses WHERE address = folded COLLATE "C";
    IF holder <> who THEN
      RETURN 'taken';
    END IF;
    IF holder IS NULL THEN
      SELECT count(*) INTO held FROM user_addresses WHERE user_id = who;
      IF held >= most_addresses THEN
        RETURN 'full';
      END IF;
      INSERT INTO user_addresses (address, user_id, place) VALUES (folded, who, held + 1);
    END IF;
  END IF;
  UPDATE users SET email = coalesce(new_email, email), name = coalesce(new_name, name),
      avatar_url = nullif(coalesce(new_avatar, avatar_url), ''), updated_at = at
    WHERE id = who;
  PERFORM note_audit(entry);
  RETURN 'updated';
END
$$;
