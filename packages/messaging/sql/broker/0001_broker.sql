-- The embedded broker: copies of the logs of those who publish, unique by (source, position).
-- Rights are rows of fairlead_grant, written by the owner; the policies below compare them with current_user. Policy
-- expressions are bound to these tables when they are created, so nobody's search_path can put another in their place.

CREATE TABLE fairlead_source (
  source text PRIMARY KEY,
  -- Highest position that has been copied. Its row lock is what keeps two relays of one source in line.
  published bigint NOT NULL DEFAULT 0 CHECK (published >= 0)
);

CREATE TABLE fairlead_grant (
  role name NOT NULL,
  source text NOT NULL REFERENCES fairlead_source (source),
  access text NOT NULL CHECK (access IN ('read', 'write')),
  PRIMARY KEY (role, source, access)
);

CREATE UNIQUE INDEX fairlead_grant_one_writer ON fairlead_grant (source) WHERE access = 'write';

CREATE TABLE fairlead_event (
  source text NOT NULL REFERENCES fairlead_source (source),
  position bigint NOT NULL CHECK (position > 0),
  stream text NOT NULL,
  version bigint NOT NULL,
  id text NOT NULL,
  type text NOT NULL,
  schema_version integer NOT NULL,
  key text NOT NULL,
  data json NOT NULL,
  time timestamptz NOT NULL,
  tenant text,
  subject text,
  traceparent text NOT NULL,
  correlation_id text NOT NULL,
  causation_id text,
  criticality text NOT NULL,
  PRIMARY KEY (source, position)
);

ALTER TABLE fairlead_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE fairlead_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE fairlead_event ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_grants ON fairlead_grant FOR SELECT
  USING (role = current_user);

CREATE POLICY granted_sources ON fairlead_source FOR SELECT
  USING (source IN (SELECT g.source FROM fairlead_grant g WHERE g.role = current_user));

CREATE POLICY own_source ON fairlead_source FOR UPDATE
  USING (source IN (SELECT g.source FROM fairlead_grant g WHERE g.role = current_user AND g.access = 'write'))
  WITH CHECK (source IN (SELECT g.source FROM fairlead_grant g WHERE g.role = current_user AND g.access = 'write'));

CREATE POLICY used_events ON fairlead_event FOR SELECT
  USING (source IN (SELECT g.source FROM fairlead_grant g WHERE g.role = current_user AND g.access = 'read'));

CREATE POLICY own_events ON fairlead_event FOR INSERT
  WITH CHECK (source IN (SELECT g.source FROM fairlead_grant g WHERE g.role = current_user AND g.access = 'write'));
