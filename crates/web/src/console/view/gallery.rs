//! Every page in its states, drawn with invented people: written to `target/gallery/`, and checked for what the
//! content security policy forbids and what assistive technology needs.
//!
//! `cargo test -p web gallery` draws it; the names of the files are the pages' addresses.

mod activity;
mod entries;
mod forms;
mod groups;
mod links;
mod mails;
mod people;
mod questions;
mod roles;
mod sessions;
mod tokens;

use std::{collections::HashSet, fs, path::PathBuf};

use askama::Template;

use super::frame::{Frame, Org, Section, Viewer};
use super::parts::{Avatar, Link};

/// One drawn page: its file's name and its HTML.
type Drawn = (&'static str, String);

/// The frame of the invented organization.
fn frame(title: &str, section: Section, crumbs: &[(&str, &str)]) -> Frame {
    let name = "Amara Okafor";
    Frame {
        title: title.to_owned(),
        org: org("Northwind", "northwind"),
        other_orgs: vec![org("Lakeside Clinic", "lakeside")],
        viewer: Viewer {
            name: name.to_owned(),
            email: "amara.okafor@northwind.example".to_owned(),
            avatar: Avatar::of(name, "amara"),
            may_see_users: true,
            may_see_groups: true,
            may_see_sessions: true,
            may_see_roles: true,
            may_see_access: true,
            may_see_mail: true,
            may_see_tokens: true,
            may_see_invitations: true,
            may_see_settings: true,
            may_see_audit: true,
        },
        section,
        crumbs: crumbs.iter().map(|(label, href)| Link::new(*label, *href)).collect(),
        alarm: None,
        notice: None,
        csrf: "csrf-of-this-session".to_owned(),
        mailbox_href: "",
    }
}

fn org(name: &str, slug: &str) -> Org {
    Org { name: name.to_owned(), slug: slug.to_owned() }
}

fn draw(template: &impl Template) -> String {
    template.render().expect("the page is drawn")
}

fn gallery() -> Vec<Drawn> {
    let mut pages = people::pages();
    pages.extend(questions::pages());
    pages.extend(forms::pages());
    pages.extend(mails::pages());
    pages.extend(roles::pages());
    pages.extend(sessions::pages());
    pages.extend(entries::pages());
    pages.extend(groups::pages());
    pages.extend(tokens::pages());
    pages.extend(activity::pages());
    pages.extend(links::pages());
    pages
}

#[test]
fn every_page_is_drawn() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    fs::create_dir_all(&folder).expect("the folder is made");
    for (name, html) in gallery() {
        fs::write(folder.join(format!("{name}.html")), html).expect("the page is written");
    }
    fs::write(folder.join("icons.svg"), crate::icons::sprite()).expect("the sprite is written");
}

#[test]
fn no_page_needs_more_than_the_content_security_policy_allows() {
    for (name, html) in gallery() {
        for forbidden in
            [" style=", "<style", " onclick=", " onsubmit=", " onchange=", "javascript:", "<script>"]
        {
            assert!(!html.contains(forbidden), "{name} contains {forbidden}");
        }
    }
}

#[test]
fn every_icon_named_is_in_the_sprite() {
    for (name, html) in gallery() {
        for named in html.split("icons.svg#").skip(1) {
            let icon = named.split('"').next().unwrap_or_default();
            assert!(
                crate::icons::ICONS.iter().any(|(known, _)| *known == icon),
                "{name} names the icon {icon:?}"
            );
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_them_finds_them() {
    for (name, html) in gallery() {
        let ids: Vec<&str> = attributes(&html, " id=\"").collect();
        let set: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), set.len(), "{name} uses an id twice: {ids:?}");
        for attribute in [" for=\"", " popovertarget=\"", " aria-describedby=\""] {
            for target in attributes(&html, attribute).flat_map(str::split_whitespace) {
                assert!(set.contains(target), "{name}:{attribute}{target} leads nowhere");
            }
        }
    }
}

#[test]
fn every_form_that_posts_carries_its_proof() {
    for (name, html) in gallery() {
        for form in html.split("<form").skip(1).filter(|form| form.contains(r#"method="post""#)) {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(form.contains(r#"name="csrf""#), "{name} has a form without the csrf field");
        }
    }
}

/// The values of an attribute, in order.
fn attributes<'a>(html: &'a str, start: &'static str) -> impl Iterator<Item = &'a str> {
    html.split(start).skip(1).map(|rest| rest.split('"').next().unwrap_or_default())
}
