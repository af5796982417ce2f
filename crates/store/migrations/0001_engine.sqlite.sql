-- The trigram index behind the search; its rowid is users.key. It keeps no copy of the text and no positions: it says
-- which rows to look at.
CREATE VIRTUAL TABLE user_search USING fts5(
    words, tokenize = 'trigram remove_diacritics 0', content = '', contentless_delete = 1, detail = 'none'
);
