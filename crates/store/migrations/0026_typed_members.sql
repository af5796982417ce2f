-- What a group's owner who may not read the person typed to add them: shown instead of what the record says.
ALTER TABLE group_members ADD COLUMN typed text;
