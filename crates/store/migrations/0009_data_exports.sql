-- All that is held on one person, put together on request, for a day.
CREATE TABLE data_exports (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    asked_by text NOT NULL,
    state text NOT NULL,
    link_id uuid,
    size bigint NOT NULL,
    created_at bigint NOT NULL,
    ready_at bigint,
    expires_at bigint NOT NULL,
    content bytea,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX data_exports_user ON data_exports (org_id, user_id, asked_by, id);
CREATE INDEX data_exports_link ON data_exports (org_id, link_id);
CREATE INDEX data_exports_expiry ON data_exports (expires_at);
