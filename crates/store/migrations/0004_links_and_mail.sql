-- The fingerprint of the key, kept outside the database, that this database is used with.
CREATE TABLE server_key (
    one bigint NOT NULL PRIMARY KEY,
    fingerprint bytea NOT NULL
);

-- Single-use links in mail. The secret is derived from the row and the server's key; only its hash is here.
CREATE TABLE links (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    address text NOT NULL,
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    opened_at bigint,
    ended_at bigint,
    ending text,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX links_secret ON links (org_id, secret);
CREATE INDEX links_user ON links (org_id, user_id, purpose);
CREATE INDEX links_expiry ON links (expires_at);

-- Mail to send, being sent, and sent. What it says is made of its kind and details when it is sent.
CREATE TABLE mails (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    address text NOT NULL,
    link_id uuid,
    invitation_id uuid,
    details jsonb NOT NULL,
    state text NOT NULL,
    why text NOT NULL,
    attempts bigint NOT NULL,
    created_at bigint NOT NULL,
    next_at bigint NOT NULL,
    leased_until bigint NOT NULL,
    sent_at bigint,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX mails_due ON mails (next_at, id) WHERE state IN ('queued', 'deferred');
CREATE INDEX mails_over ON mails (next_at) WHERE state IN ('sent', 'failed', 'cancelled');
CREATE INDEX mails_user ON mails (org_id, user_id, id);
CREATE INDEX mails_state ON mails (org_id, state, id);
CREATE INDEX mails_invitation ON mails (org_id, invitation_id) WHERE invitation_id IS NOT NULL;

-- Who was invited, by whom, and what has become of it. The links of an invitation are its user's.
CREATE TABLE invitations (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    message text NOT NULL,
    invited_by text NOT NULL,
    invited_by_name text NOT NULL,
    created_at bigint NOT NULL,
    sent_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    lifetime_hours bigint NOT NULL,
    resends bigint NOT NULL,
    resends_since bigint NOT NULL,
    reminded bigint NOT NULL,
    opened_at bigint,
    ended_at bigint,
    delivery text NOT NULL,
    delivery_why text NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX invitations_pending ON invitations (org_id, user_id) WHERE state = 'pending';
CREATE INDEX invitations_list ON invitations (org_id, state, id);
CREATE INDEX invitations_expiry ON invitations (org_id, expires_at, id) WHERE state = 'pending';
CREATE INDEX invitations_failed ON invitations (org_id, expires_at, id)
    WHERE state = 'pending' AND delivery = 'failed';
CREATE INDEX invitations_inviter ON invitations (org_id, invited_by, id);
CREATE INDEX invitations_user ON invitations (org_id, user_id, id);
