-- Which cookie of a session the browser presented when a session began, hashed: of many sign-ins of one browser at once
-- one session is left. Of a session whose secret was replaced: the one of before.
ALTER TABLE sessions ADD COLUMN earlier bytea;
CREATE INDEX sessions_earlier ON sessions (org_id, earlier) WHERE earlier IS NOT NULL;
