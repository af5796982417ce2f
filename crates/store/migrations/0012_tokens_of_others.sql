-- Everybody's API tokens by when they end and by last use, and the programs that somebody answers for.
CREATE INDEX tokens_ending ON tokens (org_id, expires_at, id);
CREATE INDEX tokens_used ON tokens (org_id, (COALESCE(last_used_at, created_at)), id);
CREATE INDEX users_responsible ON users (org_id, (fields ->> 'responsible'), id)
    WHERE fields ->> 'responsible' IS NOT NULL;
