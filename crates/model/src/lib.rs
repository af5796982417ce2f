//! What is true about people, access and accounts, whatever stores or shows it: types and rules, no I/O.
