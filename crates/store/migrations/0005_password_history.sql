-- Hashes of a user's earlier passwords, numbered from 1 in the order in which they were replaced.
CREATE TABLE password_history (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    number bigint NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (org_id, user_id, number)
);
