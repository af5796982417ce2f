-- An address that somebody has left: until then nobody else may take it, so that it can be taken back.
CREATE TABLE reserved_addresses (
    org_id uuid NOT NULL,
    email_key text COLLATE "binary" NOT NULL,
    user_id uuid NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (org_id, email_key)
);
CREATE INDEX reserved_addresses_user ON reserved_addresses (org_id, user_id);
CREATE INDEX reserved_addresses_end ON reserved_addresses (until);

-- Which notices that may be switched off a person has switched off.
CREATE TABLE muted_notices (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (org_id, user_id, kind)
);
