-- Where former versions have kept the name or address of somebody else, besides what step 21 found.

-- Reasons that name whose access was copied, of grants that were given anew later.
UPDATE role_grants SET reason = 'as ' || (SELECT min(e.changes -> 'from_id' ->> 'after') FROM audit_entries e
        WHERE e.org_id = role_grants.org_id AND e.target = role_grants.user_id AND e.event = 'access.copied'
        AND role_grants.reason = 'as ' || (e.changes -> 'from' ->> 'after'))
    WHERE reason LIKE 'as %' AND EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.org_id = role_grants.org_id AND e.target = role_grants.user_id AND e.event = 'access.copied'
        AND role_grants.reason = 'as ' || (e.changes -> 'from' ->> 'after')
        AND e.changes -> 'from_id' ->> 'after' IS NOT NULL);
UPDATE group_members SET reason = 'as ' || (SELECT min(e.changes -> 'from_id' ->> 'after') FROM audit_entries e
        WHERE e.org_id = group_members.org_id AND e.target = group_members.user_id AND e.event = 'access.copied'
        AND group_members.reason = 'as ' || (e.changes -> 'from' ->> 'after'))
    WHERE reason LIKE 'as %' AND EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.org_id = group_members.org_id AND e.target = group_members.user_id AND e.event = 'access.copied'
        AND group_members.reason = 'as ' || (e.changes -> 'from' ->> 'after')
        AND e.changes -> 'from_id' ->> 'after' IS NOT NULL);

-- The same in what deprovisioned users held; there the reason goes.
UPDATE grant_snapshots SET grants = jsonb_set(jsonb_set(grants,
        '{grants}', COALESCE((SELECT jsonb_agg(CASE WHEN g #>> '{given,reason}' LIKE 'as %' AND g #>> '{given,reason}' NOT LIKE 'as ________-____-____-____-____________'
            THEN jsonb_set(g, '{given,reason}', '""') ELSE g END) FROM jsonb_array_elements(grants -> 'grants') AS g), '[]')),
        '{memberships}', COALESCE((SELECT jsonb_agg(CASE WHEN g #>> '{given,reason}' LIKE 'as %' AND g #>> '{given,reason}' NOT LIKE 'as ________-____-____-____-____________'
            THEN jsonb_set(g, '{given,reason}', '""') ELSE g END) FROM jsonb_array_elements(grants -> 'memberships') AS g), '[]'))
    WHERE jsonb_typeof(grants) = 'object' AND grants::text LIKE '%"reason": "as %'
    AND jsonb_typeof(grants -> 'grants') = 'array' AND jsonb_typeof(grants -> 'memberships') = 'array';

-- Entries with such a reason, whenever they were written.
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT DISTINCT g.org_id, e.changes -> 'from_id' ->> 'after', g.id FROM audit_entries e
    JOIN audit_entries g ON g.org_id = e.org_id AND g.target = e.target
    WHERE e.event = 'access.copied' AND e.changes -> 'from_id' ->> 'after' IS NOT NULL
    AND g.event IN ('role.granted', 'membership.added', 'role.expired', 'membership.expired')
    AND (g.reason = 'as ' || (e.changes -> 'from' ->> 'after')
        OR g.reason LIKE 'as ' || (e.changes -> 'from' ->> 'after') || ' (given on %')
    AND g.about_erased_at IS NULL
    ON CONFLICT DO NOTHING;

-- Entries that hold an address: somebody's, but under no id. An erasure looks for the addresses that it knows.
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT org_id, lower(changes -> 'address' ->> 'after'), id FROM audit_entries
    WHERE event = 'mail.test_sent' AND target_type = 'org' AND about_erased_at IS NULL
    AND changes -> 'address' ->> 'after' IS NOT NULL;
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT org_id, lower(target_name), id FROM audit_entries
    WHERE event = 'mail.retried' AND target_type = 'mail' AND about_erased_at IS NULL AND target_name <> '';
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT org_id, lower(changes -> 'address' ->> 'after'), id FROM audit_entries
    WHERE event = 'session.ended_in_bulk' AND about_erased_at IS NULL
    AND changes -> 'address' ->> 'after' IS NOT NULL AND changes -> 'address' ->> 'after' NOT LIKE '%/%';
-- Values that are too old to be kept take their mentions with them.
CREATE INDEX audit_mentions_entry ON audit_mentions (org_id, entry_id);

-- Mails that could not be sent yet, with names in their words. Under the id of nobody: each erasure looks through these.
INSERT INTO mail_names (org_id, named_id, mail_id)
    SELECT org_id, '00000000-0000-0000-0000-000000000000'::uuid, id FROM mails
    WHERE state IN ('queued', 'deferred', 'failed') AND details ->> 'actor' IS NULL AND details ->> 'people' IS NULL
    AND (COALESCE(details ->> 'by', '') NOT IN ('', 'the operator of the server')
        OR kind IN ('owners_changed', 'grant_ending', 'responsible_gone'));
