-- What an entry proves itself with. Entries from before have none of it until they are sealed at the first start.
ALTER TABLE audit_entries ADD COLUMN fields text NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN by_salt bytea;
ALTER TABLE audit_entries ADD COLUMN by_commitment bytea;
ALTER TABLE audit_entries ADD COLUMN by_erased_at bigint;
ALTER TABLE audit_entries ADD COLUMN about_salt bytea;
ALTER TABLE audit_entries ADD COLUMN about_commitment bytea;
ALTER TABLE audit_entries ADD COLUMN about_erased_at bigint;
ALTER TABLE audit_entries ADD COLUMN late boolean NOT NULL DEFAULT FALSE;
ALTER TABLE audit_entries ADD COLUMN mac bytea;

-- The few entries that say that others' values were erased.
CREATE INDEX audit_entries_erasing ON audit_entries (org_id, id) WHERE event IN ('user.purged', 'audit.expired');

-- One Merkle tree for each organization.
CREATE TABLE audit_trees (
    org_id uuid NOT NULL PRIMARY KEY,
    size bigint NOT NULL,
    late_size bigint NOT NULL,
    peaks bytea NOT NULL,
    mac bytea NOT NULL,
    checkpoint_size bigint NOT NULL,
    checkpoint_at bigint NOT NULL,
    checkpoint text NOT NULL,
    sent_size bigint NOT NULL,
    expired_to uuid NOT NULL
);

-- Its nodes, 256 to a row: level 0 holds leaf hashes and whose they are, each level above the roots of the tiles below.
CREATE TABLE audit_tiles (
    org_id uuid NOT NULL,
    level bigint NOT NULL,
    number bigint NOT NULL,
    first_id uuid,
    last_id uuid,
    ids bytea NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (org_id, level, number)
);
CREATE INDEX audit_tiles_ids ON audit_tiles (org_id, last_id, first_id) WHERE level = 0;

-- Entries that wait for their place in the tree; without a leaf, for their seal too.
CREATE TABLE audit_pending (
    org_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    leaf bytea,
    PRIMARY KEY (org_id, entry_id)
);
CREATE INDEX audit_pending_late ON audit_pending (org_id, entry_id) WHERE leaf IS NULL;
INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries;
