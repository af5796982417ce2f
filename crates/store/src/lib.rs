//! One SQL text per question, answered by SQLite or PostgreSQL.
