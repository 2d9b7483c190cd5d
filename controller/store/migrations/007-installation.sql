-- One row: whether the controller may change anything outside, and the PostgreSQL server that the database was last used on, by
-- that server's own identifier. A dump that is loaded into another server still names the one before.
CREATE TABLE installation (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  database_system text,
  -- Null while it may.
  observing_since timestamptz,
  observing_because text
);
INSERT INTO installation DEFAULT VALUES;
