-- Counts the passwords that a person had: what was compared outside a transaction is compared again inside by this.
ALTER TABLE credentials ADD COLUMN stamp bigint NOT NULL DEFAULT 0;
-- When the password was last typed in a session; 0 = not known.
ALTER TABLE sessions ADD COLUMN proved_at bigint NOT NULL DEFAULT 0;
