-- When values in an organization's log become too old to be kept, at the earliest: found without looking at every
-- organization. NULL where entries are kept for good; 0: look now.
ALTER TABLE orgs ADD COLUMN audit_expires_at bigint;
UPDATE orgs SET audit_expires_at = 0;
CREATE INDEX orgs_audit_expiring ON orgs (audit_expires_at, id) WHERE audit_expires_at IS NOT NULL;
