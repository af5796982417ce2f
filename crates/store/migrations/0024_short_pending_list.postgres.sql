-- New entries of the index of words wait in a list that every search reads from end to end: 4 MB of them, PostgreSQL's
-- default, cost each search two milliseconds.
ALTER INDEX users_search SET (gin_pending_list_limit = 256);
