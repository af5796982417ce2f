-- Who owns a group and may not read people's records has put people into it before it was kept what was typed: they are
-- shown by their ids to others who may not read them, as they are to that owner.
UPDATE group_members SET typed = ''
    WHERE typed IS NULL AND EXISTS (SELECT 1 FROM group_owners o
        WHERE o.org_id = group_members.org_id AND o.group_id = group_members.group_id AND o.user_id::text = group_members.granted_by
        AND o.user_id <> group_members.user_id
        AND NOT EXISTS (SELECT 1 FROM role_grants g LEFT JOIN roles r ON r.org_id = g.org_id AND r.id = g.role
            WHERE g.org_id = o.org_id AND g.user_id = o.user_id
            AND (r.id IS NULL OR ' ' || r.permissions || ' ' LIKE '% user:read %'))
        AND NOT EXISTS (SELECT 1 FROM group_members h JOIN group_roles g ON g.org_id = h.org_id AND g.group_id = h.group_id
            WHERE h.org_id = o.org_id AND h.user_id = o.user_id));

-- Whether a group has such members is asked before its list is sorted.
CREATE INDEX group_members_typed ON group_members (org_id, group_id) WHERE typed IS NOT NULL;
