-- What step 27 paired by names alone, it paired with everybody of that name. Each entry is its own person's again.

-- A reason "as NAME" is of the user from whom the same role or group was last copied, at or before the entry.
DELETE FROM audit_mentions WHERE EXISTS (
    SELECT 1 FROM audit_mentions o JOIN audit_entries g ON g.org_id = o.org_id AND g.id = o.entry_id
    WHERE o.org_id = audit_mentions.org_id AND o.entry_id = audit_mentions.entry_id AND o.named_id <> audit_mentions.named_id
    AND g.event IN ('role.granted', 'membership.added', 'role.expired', 'membership.expired')
    AND o.named_id = (SELECT e.changes -> 'from_id' ->> 'after' FROM audit_entries s
        JOIN audit_entries e ON e.org_id = s.org_id AND e.target = s.target AND e.at = s.at
        WHERE s.org_id = g.org_id AND s.target = g.target AND s.at <= g.at
        AND s.event IN ('role.granted', 'membership.added') AND e.event = 'access.copied'
        AND COALESCE(s.changes -> 'group_id' ->> 'after', s.changes -> 'role' ->> 'after')
            = COALESCE(g.changes -> 'group_id' ->> 'after', g.changes -> 'group_id' ->> 'before',
                g.changes -> 'role' ->> 'after', g.changes -> 'role' ->> 'before')
        AND e.changes -> 'from_id' ->> 'after' IS NOT NULL
        ORDER BY s.at DESC LIMIT 1));

-- The same in what people hold.
UPDATE role_grants SET reason = COALESCE((SELECT 'as ' || (e.changes -> 'from_id' ->> 'after') FROM audit_entries s
        JOIN audit_entries e ON e.org_id = s.org_id AND e.target = s.target AND e.at = s.at
        WHERE s.org_id = role_grants.org_id AND s.target = role_grants.user_id AND s.at <= role_grants.granted_at
        AND s.event = 'role.granted' AND e.event = 'access.copied' AND s.changes -> 'role' ->> 'after' = role_grants.role
        AND e.changes -> 'from_id' ->> 'after' IS NOT NULL
        ORDER BY s.at DESC LIMIT 1), reason)
    WHERE reason LIKE 'as ________-____-____-____-____________' AND scope_id = org_id;
UPDATE group_members SET reason = COALESCE((SELECT 'as ' || (e.changes -> 'from_id' ->> 'after') FROM audit_entries s
        JOIN audit_entries e ON e.org_id = s.org_id AND e.target = s.target AND e.at = s.at
        WHERE s.org_id = group_members.org_id AND s.target = group_members.user_id AND s.at <= group_members.granted_at
        AND s.event = 'membership.added' AND e.event = 'access.copied'
        AND s.changes -> 'group_id' ->> 'after' = group_members.group_id::text
        AND e.changes -> 'from_id' ->> 'after' IS NOT NULL
        ORDER BY s.at DESC LIMIT 1), reason)
    WHERE reason LIKE 'as ________-____-____-____-____________';

-- An address from which sessions were ended in bulk is theirs whose sessions those were, not everybody's who ever acted
-- from it.
DELETE FROM audit_mentions WHERE EXISTS (SELECT 1 FROM audit_entries g
    WHERE g.org_id = audit_mentions.org_id AND g.id = audit_mentions.entry_id AND g.event = 'session.ended_in_bulk');
INSERT INTO audit_mentions (org_id, named_id, entry_id)
    SELECT DISTINCT g.org_id, s.target::text, g.id
    FROM audit_entries g JOIN audit_entries s ON s.org_id = g.org_id AND s.at = g.at AND s.request_id = g.request_id
    WHERE g.event = 'session.ended_in_bulk' AND s.event = 'session.ended' AND s.target_type = 'user'
    AND COALESCE(g.changes -> 'address' ->> 'after', g.changes -> 'address' ->> 'before') NOT LIKE '%/%'
    AND g.about_erased_at IS NULL;

-- Of people who had been deleted permanently before step 21, which nobody erases once more. What names others of the same
-- name, too, stays until they go.
UPDATE audit_entries SET target_name = '', changes = '{}', reason = '', about_salt = NULL,
    about_erased_at = (SELECT max(p.at) FROM audit_mentions m JOIN audit_entries p ON p.org_id = m.org_id
        AND p.target::text = m.named_id WHERE m.org_id = audit_entries.org_id AND m.entry_id = audit_entries.id
        AND p.event IN ('user.purged', 'audit.expired') AND p.event = 'user.purged')
    WHERE about_erased_at IS NULL
    AND EXISTS (SELECT 1 FROM audit_mentions m WHERE m.org_id = audit_entries.org_id AND m.entry_id = audit_entries.id)
    AND NOT EXISTS (SELECT 1 FROM audit_mentions m WHERE m.org_id = audit_entries.org_id AND m.entry_id = audit_entries.id
        AND NOT EXISTS (SELECT 1 FROM audit_entries p WHERE p.org_id = m.org_id AND p.target::text = m.named_id
            AND p.event IN ('user.purged', 'audit.expired') AND p.event = 'user.purged'));
DELETE FROM audit_mentions WHERE EXISTS (SELECT 1 FROM audit_entries p
    WHERE p.org_id = audit_mentions.org_id AND p.target::text = audit_mentions.named_id
    AND p.event IN ('user.purged', 'audit.expired') AND p.event = 'user.purged');
