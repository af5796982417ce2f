-- When an attempt last failed and why, kept when a later one succeeds: the settings show the last success and error.
ALTER TABLE mails ADD COLUMN error_at bigint;
ALTER TABLE mails ADD COLUMN error text;
CREATE INDEX mails_sent ON mails (org_id, sent_at, id) WHERE sent_at IS NOT NULL;
CREATE INDEX mails_error ON mails (org_id, error_at, id) WHERE error_at IS NOT NULL;

-- Somebody tried to sign in to an organization that does not exist. No organization owns this: what was typed is a keyed
-- hash, and which row it takes follows from the hash, so that there are never more than 65,536.
CREATE TABLE stray_sign_ins (
    place bigint NOT NULL PRIMARY KEY,
    identifier bytea NOT NULL,
    slug text NOT NULL,
    at bigint NOT NULL
);
