-- What a mail says, as it was first tried, without the secret of its link: kept until it is sent or given up, so that a
-- repeat is the same to the byte.
ALTER TABLE mails ADD COLUMN written text;

-- Whom the written mails name besides their readers, so that an erasure finds exactly those. Distributed by org_id, with mails.
CREATE TABLE mail_names (
    org_id uuid NOT NULL,
    named_id uuid NOT NULL,
    mail_id uuid NOT NULL,
    PRIMARY KEY (org_id, named_id, mail_id)
);
CREATE INDEX mail_names_mail ON mail_names (org_id, mail_id);

-- Mails that were sent need no words any more; until now these held names.
UPDATE mails SET details = '{}' WHERE state IN ('sent', 'cancelled');

-- Work that holds what somebody typed is found by it.
CREATE INDEX jobs_identifier ON jobs ((lower(work ->> 'identifier'))) WHERE work ->> 'identifier' IS NOT NULL;
CREATE INDEX jobs_email ON jobs ((lower(work ->> 'email'))) WHERE work ->> 'email' IS NOT NULL;

-- Until now a reason named whose access was copied; it refers to the user by id from now on.
UPDATE role_grants SET reason = 'as ' || (SELECT min(e.changes -> 'from_id' ->> 'after') FROM audit_entries e
        WHERE e.org_id = role_grants.org_id AND e.target = role_grants.user_id AND e.event = 'access.copied'
        AND e.at = role_grants.granted_at)
    WHERE reason LIKE 'as %' AND EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.org_id = role_grants.org_id AND e.target = role_grants.user_id AND e.event = 'access.copied'
        AND e.at = role_grants.granted_at AND e.changes -> 'from_id' ->> 'after' IS NOT NULL);
UPDATE group_members SET reason = 'as ' || (SELECT min(e.changes -> 'from_id' ->> 'after') FROM audit_entries e
        WHERE e.org_id = group_members.org_id AND e.target = group_members.user_id AND e.event = 'access.copied'
        AND e.at = group_members.granted_at)
    WHERE reason LIKE 'as %' AND EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.org_id = group_members.org_id AND e.target = group_members.user_id AND e.event = 'access.copied'
        AND e.at = group_members.granted_at AND e.changes -> 'from_id' ->> 'after' IS NOT NULL);

-- Sealed entries from before that name a user they are not about. An erasure of that user takes their values.
CREATE TABLE audit_mentions (
    org_id uuid NOT NULL,
    named_id text NOT NULL,
    entry_id uuid NOT NULL,
    PRIMARY KEY (org_id, named_id, entry_id)
);
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT org_id, COALESCE(changes -> 'owner_id' ->> 'after', changes -> 'owner_id' ->> 'before'), id FROM audit_entries
    WHERE event IN ('group.owner_added', 'group.owner_removed') AND about_erased_at IS NULL
    AND COALESCE(changes -> 'owner_id' ->> 'after', changes -> 'owner_id' ->> 'before') IS NOT NULL;
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT org_id, changes -> 'from_id' ->> 'after', id FROM audit_entries
    WHERE event = 'access.copied' AND about_erased_at IS NULL AND changes -> 'from_id' ->> 'after' IS NOT NULL;
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT DISTINCT g.org_id, e.changes -> 'from_id' ->> 'after', g.id FROM audit_entries e
    JOIN audit_entries g ON g.org_id = e.org_id AND g.target = e.target AND g.at = e.at
    WHERE e.event = 'access.copied' AND e.changes -> 'from_id' ->> 'after' IS NOT NULL
    AND g.event IN ('role.granted', 'membership.added') AND g.reason LIKE 'as %' AND g.about_erased_at IS NULL;
