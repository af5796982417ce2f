CREATE TABLE orgs (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    settings jsonb NOT NULL,
    created_at bigint NOT NULL,
    version bigint NOT NULL
);

-- Slugs, present and past: a past one leads to its organization until its time has run out.
CREATE TABLE org_slugs (
    slug text NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    until bigint
);
CREATE UNIQUE INDEX org_slugs_present ON org_slugs (org_id) WHERE until IS NULL;

CREATE TABLE credentials (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    hash text NOT NULL,
    set_at bigint NOT NULL,
    expires_at bigint,
    must_change boolean NOT NULL,
    PRIMARY KEY (org_id, user_id)
);

-- Failed sign-ins: one row per account and address, and one per account for all addresses (address '').
CREATE TABLE sign_in_failures (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    address text NOT NULL,
    failures bigint NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (org_id, user_id, address)
);

CREATE TABLE role_grants (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    reason text NOT NULL,
    valid_from bigint,
    valid_until bigint,
    PRIMARY KEY (org_id, user_id, role)
);
CREATE INDEX role_grants_role ON role_grants (org_id, role, user_id);

-- What a deprovisioned user held, offered again at a rehire.
CREATE TABLE grant_snapshots (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    grants jsonb NOT NULL,
    taken_at bigint NOT NULL,
    PRIMARY KEY (org_id, user_id)
);

CREATE TABLE sessions (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret bytea NOT NULL,
    started_at bigint NOT NULL,
    last_active_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    idle_seconds bigint NOT NULL,
    method text NOT NULL,
    address text NOT NULL,
    user_agent text NOT NULL,
    remembered boolean NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX sessions_secret ON sessions (org_id, secret);
CREATE INDEX sessions_user ON sessions (org_id, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE tokens (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    secret bytea NOT NULL,
    scopes text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_used_at bigint,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX tokens_secret ON tokens (org_id, secret);
CREATE INDEX tokens_user ON tokens (org_id, user_id);
CREATE INDEX tokens_expiry ON tokens (expires_at);

CREATE TABLE audit_entries (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    at bigint NOT NULL,
    event text NOT NULL,
    actor text NOT NULL,
    actor_name text NOT NULL,
    target_type text NOT NULL,
    target uuid NOT NULL,
    target_name text NOT NULL,
    changes jsonb NOT NULL,
    reason text NOT NULL,
    request_id text NOT NULL,
    address text NOT NULL,
    door text NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_entries_target ON audit_entries (org_id, target, id);
CREATE INDEX audit_entries_actor ON audit_entries (org_id, actor, id);

-- The outbox: work asked for by a committed change.
CREATE TABLE jobs (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    work jsonb NOT NULL,
    run_at bigint NOT NULL,
    leased_until bigint NOT NULL,
    attempts bigint NOT NULL,
    last_error text NOT NULL,
    dead boolean NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX jobs_due ON jobs (run_at, id) WHERE NOT dead;

CREATE TABLE idempotency_keys (
    org_id uuid NOT NULL,
    actor text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    result text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (org_id, actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Single-use links that set up the first organization; no organization owns them.
CREATE TABLE setup_links (
    secret bytea NOT NULL PRIMARY KEY,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
