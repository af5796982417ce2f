-- Nodes of one PostgreSQL database, each with the moment in which it was last seen, by the database's clock. A node
-- believes its caches only while it hears all those that live.
CREATE TABLE nodes (
    id uuid NOT NULL PRIMARY KEY,
    seen_at bigint NOT NULL
);
