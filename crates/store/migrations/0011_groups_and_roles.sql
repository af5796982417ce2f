-- Groups: named sets of users and groups that may carry roles. Roles of an organization's own, and the permissions of its
-- applications. Grants count in a scope: the organization's own id stands for the whole of it, else it is a group's.
CREATE TABLE groups (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_key text COLLATE "binary" NOT NULL,
    description text NOT NULL,
    source text NOT NULL,
    external_id text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX groups_name ON groups (org_id, name_key);

CREATE TABLE group_members (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    group_id uuid NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    reason text NOT NULL,
    valid_from bigint,
    valid_until bigint,
    PRIMARY KEY (org_id, user_id, group_id)
);
CREATE INDEX group_members_group ON group_members (org_id, group_id, user_id);

-- A group in a group.
CREATE TABLE group_nestings (
    org_id uuid NOT NULL,
    child_id uuid NOT NULL,
    parent_id uuid NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    reason text NOT NULL,
    valid_from bigint,
    valid_until bigint,
    PRIMARY KEY (org_id, child_id, parent_id)
);
CREATE INDEX group_nestings_parent ON group_nestings (org_id, parent_id, child_id);

-- Who decides about a group's members besides the administrators.
CREATE TABLE group_owners (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    group_id uuid NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    PRIMARY KEY (org_id, user_id, group_id)
);
CREATE INDEX group_owners_group ON group_owners (org_id, group_id, user_id);

CREATE TABLE group_roles (
    org_id uuid NOT NULL,
    group_id uuid NOT NULL,
    role text NOT NULL,
    scope_id uuid NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    reason text NOT NULL,
    valid_from bigint,
    valid_until bigint,
    PRIMARY KEY (org_id, group_id, role, scope_id)
);
CREATE INDEX group_roles_role ON group_roles (org_id, role, group_id);
CREATE INDEX group_roles_scope ON group_roles (org_id, scope_id);

-- Roles of an organization's own; `id` is a uuid as text, for grants name built-in roles in the same column. The
-- permissions are names between spaces.
CREATE TABLE roles (
    org_id uuid NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    name_key text COLLATE "binary" NOT NULL,
    description text NOT NULL,
    permissions text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX roles_name ON roles (org_id, name_key);

CREATE TABLE application_permissions (
    org_id uuid NOT NULL,
    name text COLLATE "binary" NOT NULL,
    description text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (org_id, name)
);

-- The same role may be held over several groups.
CREATE TABLE role_grants_in_scope (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    scope_id uuid NOT NULL,
    granted_by text NOT NULL,
    granted_at bigint NOT NULL,
    reason text NOT NULL,
    valid_from bigint,
    valid_until bigint,
    PRIMARY KEY (org_id, user_id, role, scope_id)
);
INSERT INTO role_grants_in_scope
    (org_id, user_id, role, scope_id, granted_by, granted_at, reason, valid_from, valid_until)
    SELECT org_id, user_id, role, org_id, granted_by, granted_at, reason, valid_from, valid_until FROM role_grants;
DROP TABLE role_grants;
ALTER TABLE role_grants_in_scope RENAME TO role_grants;
CREATE INDEX role_grants_role ON role_grants (org_id, role, user_id);
CREATE INDEX role_grants_scope ON role_grants (org_id, scope_id);
