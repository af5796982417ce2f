-- What is begun with a secret that somebody else made has the same maker: a session that began with a password, the links
-- that an invitation sends by itself. And who wrote a personal address.
ALTER TABLE sessions ADD COLUMN made_within text;
ALTER TABLE invitations ADD COLUMN made_within text;
ALTER TABLE users ADD COLUMN personal_set_within text;
-- A password that somebody else sets ends every session: those that are there began with it.
UPDATE sessions SET made_within = (SELECT c.made_within FROM credentials c
    WHERE c.org_id = sessions.org_id AND c.user_id = sessions.user_id)
WHERE EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = sessions.org_id AND c.user_id = sessions.user_id
    AND c.made_within IS NOT NULL);
UPDATE invitations SET made_within = (SELECT l.made_within FROM links l
    WHERE l.org_id = invitations.org_id AND l.user_id = invitations.user_id AND l.purpose = invitations.kind
    AND l.made_within IS NOT NULL AND l.ended_at IS NULL ORDER BY l.id DESC LIMIT 1)
WHERE state = 'pending';
-- What was proven has no maker any more.
UPDATE users SET address_set_within = NULL WHERE email_verified = TRUE AND address_set_within IS NOT NULL;
