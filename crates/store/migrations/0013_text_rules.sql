-- Under which rules keys and search texts were made (store/src/text_rules.rs). A reference table: one row, no organization.
CREATE TABLE text_rules (
    id bigint NOT NULL PRIMARY KEY,
    version bigint NOT NULL
);
INSERT INTO text_rules (id, version) VALUES (1, 0);

-- A group's name as it is searched: without case and accents. Filled by what follows the migration.
ALTER TABLE groups ADD COLUMN search_name text NOT NULL DEFAULT '';
