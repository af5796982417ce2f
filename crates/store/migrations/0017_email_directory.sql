-- In which organizations somebody has proven an address to be their own: what "Find my organization" asks, by a keyed hash
-- of the address. The one table that is read across organizations by something personal, and therefore small; a distributed
-- database keeps it whole on every node (a reference table).
CREATE TABLE email_directory (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    email_hash bytea NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX email_directory_hash ON email_directory (email_hash, org_id, user_id);

-- Under which rules for spellings (store/src/text_rules.rs) the directory was filled. A reference table: one row.
CREATE TABLE email_directory_rules (
    one bigint NOT NULL PRIMARY KEY,
    version bigint NOT NULL
);
INSERT INTO email_directory_rules (one, version) VALUES (1, 0);
