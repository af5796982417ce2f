-- What a browser said besides its user agent, and what was made of it: a session is labelled again when that improves.
ALTER TABLE sessions ADD COLUMN hints jsonb NOT NULL DEFAULT '{}';
-- Two letters, as the place of the address was at the sign-in; empty where it was not known.
ALTER TABLE sessions ADD COLUMN country text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN platform text NOT NULL DEFAULT 'other';
ALTER TABLE sessions ADD COLUMN address_key text COLLATE "binary" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN labelled boolean NOT NULL DEFAULT false;
CREATE INDEX sessions_recent ON sessions (org_id, last_active_at, id);
CREATE INDEX sessions_address ON sessions (org_id, address_key, last_active_at, id);
CREATE INDEX sessions_platform ON sessions (org_id, platform, last_active_at, id);
CREATE INDEX sessions_unlabelled ON sessions (org_id, id) WHERE NOT labelled;

-- With what and from which countries each person has signed in: what is new among it is worth a word to the person.
CREATE TABLE known_devices (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    device bytea NOT NULL,
    country text NOT NULL,
    first_seen_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    PRIMARY KEY (org_id, user_id, device, country)
);
