-- Browsers that people have signed in with, each known by a cookie of its own: of the person and the browser, stored
-- hashed. Distributed by org_id, like all tables of an organization.
CREATE TABLE device_cookies (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret bytea NOT NULL,
    session_id uuid NOT NULL,
    address text NOT NULL,
    country text NOT NULL,
    user_agent text NOT NULL,
    hints jsonb NOT NULL DEFAULT '{}',
    first_seen_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX device_cookies_secret ON device_cookies (org_id, secret);
CREATE INDEX device_cookies_user ON device_cookies (org_id, user_id, last_seen_at);
CREATE INDEX device_cookies_end ON device_cookies (last_seen_at);

-- The networks (an IPv4 address, or an IPv6 /64) that people have signed in from. Distributed by org_id.
CREATE TABLE sign_in_networks (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    network text COLLATE "binary" NOT NULL,
    last_seen_at bigint NOT NULL,
    PRIMARY KEY (org_id, user_id, network)
);
CREATE INDEX sign_in_networks_end ON sign_in_networks (last_seen_at);
INSERT INTO sign_in_networks (org_id, user_id, network, last_seen_at)
    SELECT org_id, user_id, address, max(started_at) FROM sessions WHERE address NOT LIKE '%:%'
    GROUP BY org_id, user_id, address;

-- Wrong present passwords typed with a session or a token since the last right one.
ALTER TABLE sessions ADD COLUMN wrong_passwords bigint NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN wrong_passwords bigint NOT NULL DEFAULT 0;
