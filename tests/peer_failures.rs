//! Failures of systems like this one that became public, each as a test of its own name, on what is built so far.
//!
//! The matrices hold the rules in general (`permissions.rs`, `granting.rs`, `tenancy.rs`, `enumeration.rs`,
//! `lockout.rs`, `forgery.rs`); here is the very thing that went wrong elsewhere. These wait for their noun:
//!
//! * sources: Vaultwarden CVE-2026-47164, GitLab CVE-2022-1680, Keycloak CVE-2026-16071 and issue 26112
//! * SCIM: Grafana CVE-2025-41115, Keycloak 50985–50987, Kanidm 1.10.0 (filters)
//! * applications: Keycloak CVE-2026-3121, -1035, -4634 (scopes), CVE-2024-8883 (registered addresses), Pocket ID
//!   CVE-2026-28513, authentik CVE-2024-23647/48228, Zitadel CVE-2026-55671 and its logout, Keycloak GHSA-wv3h
//!   (exchange)
//! * second factors: Vault CVE-2025-6014/6016
//! * impersonation: Keycloak CVE-2026-17526; exports: CWE-1236

mod access;
mod doors;
mod groups;
mod input;
mod invitations;
mod recovery;
mod secrets;
