-- The trigram index behind the search; its rowid is users.key. It keeps no copy of the text.
CREATE VIRTUAL TABLE user_search USING fts5(
    words, tokenize = 'trigram remove_diacritics 0', content = '', contentless_delete = 1, detail = 'full'
);
