-- When a lock by failures began: with its end, how long it is, so that a clock that is set can't make it longer.
ALTER TABLE users ADD COLUMN password_locked_since bigint;

-- One row: the newest moment that was noted, and the last time that the clock was found set. It belongs to the
-- database as a whole; on a distributed one it is a reference table.
CREATE TABLE clock (
    id bigint NOT NULL PRIMARY KEY,
    newest bigint NOT NULL,
    set_at bigint NOT NULL DEFAULT 0,
    set_by bigint NOT NULL DEFAULT 0
);
