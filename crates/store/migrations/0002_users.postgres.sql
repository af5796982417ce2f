-- A user. What people write is in `fields`; columns beside it exist because something looks up or sorts by them.
CREATE TABLE users (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    username_key text COLLATE "binary" NOT NULL,
    email_key text COLLATE "binary",
    sort_name text COLLATE "binary" NOT NULL,
    search_text text NOT NULL,
    fields jsonb NOT NULL,
    email_verified boolean NOT NULL,
    state text NOT NULL,
    state_data jsonb NOT NULL,
    lock_data jsonb,
    lock_until bigint,
    password_locked_until bigint,
    source text NOT NULL,
    external_id text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    joined_at bigint,
    last_sign_in_at bigint NOT NULL,
    last_sign_in_method text,
    last_seen_at bigint,
    version bigint NOT NULL,
    UNIQUE (org_id, id)
);
CREATE UNIQUE INDEX users_username ON users (org_id, username_key);
CREATE UNIQUE INDEX users_email ON users (org_id, email_key);
CREATE INDEX users_list ON users (org_id, state, sort_name, id);
CREATE INDEX users_last_sign_in ON users (org_id, last_sign_in_at, id);
CREATE INDEX users_locked ON users (org_id, sort_name, id)
    WHERE lock_until IS NOT NULL OR password_locked_until IS NOT NULL;
CREATE INDEX users_search ON users USING gin (search_text gin_trgm_ops);
