-- Text that both engines sort alike, byte by byte, and the trigram index behind the search.
CREATE COLLATION IF NOT EXISTS "binary" (provider = libc, locale = 'C');
CREATE EXTENSION IF NOT EXISTS pg_trgm;
