-- What the maker of an outstanding secret could give, where somebody else than its owner made it.
ALTER TABLE links ADD COLUMN made_within text;
ALTER TABLE credentials ADD COLUMN made_within text;
ALTER TABLE tokens ADD COLUMN made_within text;
ALTER TABLE users ADD COLUMN address_set_within text;
