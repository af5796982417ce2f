//! Everything someone can do: authorize, apply the rule, save with audit and outbox, in one transaction.
