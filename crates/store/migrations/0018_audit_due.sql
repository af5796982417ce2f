-- Which logs have grown since their last checkpoint, and which checkpoints have not been sent: found without looking at every
-- organization.
CREATE INDEX audit_trees_unsigned ON audit_trees (checkpoint_at, org_id) WHERE size > checkpoint_size;
CREATE INDEX audit_trees_unsent ON audit_trees (org_id) WHERE checkpoint_size > sent_size;
