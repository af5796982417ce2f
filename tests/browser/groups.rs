//! Groups: making one, putting people and groups in, ticking groups of a person, owners, deleting.

use app::groups::NewGroup;
use model::{GroupId, Role, RoleKey, grant::GrantTerms, group::GroupFields};

use crate::{
    browser::Browser,
    support::{Site, more, open},
};

impl Site {
    /// A group that carries these roles.
    async fn group(&self, name: &str, description: &str, roles: &[Role]) -> GroupId {
        let new = NewGroup {
            fields: GroupFields { name: name.to_owned(), description: description.to_owned() },
            roles: roles.iter().copied().map(RoleKey::from).collect(),
            ..NewGroup::default()
        };
        let made = Box::pin(self.app.create_group(&self.operator().await, new)).await;
        made.expect("a group").group.id
    }

    async fn put_in(&self, group: GroupId, people: &[&str]) {
        let lines = people.iter().map(|name| (*name).to_owned()).collect();
        let operator = self.operator().await;
        let came = Box::pin(self.app.add_members(&operator, group, lines, GrantTerms::default())).await;
        assert_eq!(came.expect("verdicts").len(), people.len());
    }
}

/// Opens a group from the list.
async fn open_group(browser: &Browser, name: &str) {
    browser.goto("/o/acme/groups").await;
    browser.fill("Search groups", name).await;
    browser.wait_for_text("1 group").await;
    browser.click(".row-link").await;
    browser.wait_for_css("#members").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.click_text("Groups").await;
    browser.wait_for_text("No groups yet").await;
    browser.check_page("groups-none").await;
    browser.click(".empty .button").await;
    browser.fill("Name", "Content Editors").await;
    browser.fill("Description", "Write and publish on the website").await;
    browser.tick("Helpdesk").await;
    browser.check_page("group-create").await;
    browser.click_text("Create group").await;
    browser.wait_for_text("The group Content Editors was created").await;
    browser.wait_for_text("Nobody is in it").await;
    browser.check_page("group-empty").await;

    browser.click_text("Add people").await;
    browser.fill("Look for people", "zoë").await;
    browser.click_text("Search").await;
    browser.tick("Zoë Ruiz").await;
    browser
        .fill("Usernames, addresses or ids", "ana.muller\nnobody@acme.example, chidi.okafor@acme.example")
        .await;
    browser.fill("Reason", "Relaunch of the website").await;
    browser.check_page("group-add").await;
    browser.click_text("Add to the group").await;
    browser.wait_for_text("3 people were added, 1 not").await;
    browser.check_page("group-verdicts").await;
    browser.click_text("Back to the group").await;
    browser.wait_for_text("3 people").await;
    browser.wait_for_text("by Olivia Owner").await;
    browser.check_page("group-members").await;

    site.group("Newsroom", "The day’s news", &[]).await;
    browser.click_text("More actions").await;
    browser.click_text("Put a group in…").await;
    browser.wait_for_text("Put a group into Content Editors").await;
    browser.check_page("group-nest").await;
    browser.select("Group", "Newsroom").await;
    browser.click_text("Put in").await;
    browser.wait_for_text("Group nested. Its members are now included.").await;
    browser.click(".tabs a[href$='/groups']").await;
    browser.wait_for_text("Newsroom").await;
    browser.check_page("group-groups").await;

    // What is ticked is held from now on.
    open(&browser, "tama").await;
    browser.wait_for_text("In no group.").await;
    browser.click_text("Edit").await;
    browser.wait_for_text("Save changes").await;
    browser.tick("Newsroom").await;
    browser.check_page("user-edit-groups").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("The changes to Tama Kahurangi were saved").await;
    browser.wait_for_text("Newsroom").await;
    browser.check_page("user-groups").await;
    more(&browser, "Change groups…").await;
    browser.wait_for_text("Change the groups of Tama Kahurangi").await;
    assert!(browser.is_ticked("Newsroom").await);
    browser.check_page("change-groups").await;
    browser.tick("Newsroom").await;
    browser.tick("Content Editors").await;
    browser.fill("Until", "2031-01-01T00:00").await;
    browser.click_text("Change groups").await;
    browser.wait_for_text("The groups of Tama Kahurangi were changed").await;
    browser.wait_for_text("Content Editors").await;
    browser.wait_for_no_text("Newsroom").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_in_a_group_gives_its_rights_at_once() {
    let site = Site::new().await;
    site.person("Bruno", "Bianchi", &[]).await;
    let (outer, inner) = (
        site.group("User Managers", "", &[Role::UserManager]).await,
        site.group("Night shift", "", &[]).await,
    );
    site.put_in(inner, &["bruno@acme.example"]).await;
    let bruno = site.signed_in("bruno@acme.example").await;
    bruno.expect_in_console("403");
    bruno.goto("/o/acme/users").await;
    bruno.wait_for_text("Not allowed").await;
    let browser = site.owner().await;
    browser.goto(&format!("/o/acme/groups/{inner}/groups")).await;
    browser.click_text("Put it into a group").await;
    browser.select("Group", "User Managers").await;
    browser.click_text("Put in").await;
    browser.wait_for_text("Group nested. Its members are now included.").await;
    bruno.goto("/o/acme/users").await;
    bruno.wait_for_text("Bruno Bianchi").await;
    // Through which group somebody is in it.
    browser.goto(&format!("/o/acme/groups/{outer}?show=everybody")).await;
    browser.wait_for_text("Night shift").await;
    browser.check_page("group-everybody").await;
    browser.goto(&format!("/o/acme/groups/{outer}/groups")).await;
    browser.click_text("Take Night shift out").await;
    browser.wait_for_text("Take Night shift out of User Managers?").await;
    browser.click_text("Take out").await;
    browser.wait_for_text("Group taken out. Inherited access was removed").await;
    bruno.goto("/o/acme/users").await;
    bruno.wait_for_text("Not allowed").await;
    bruno.finish().await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_decides_and_an_administrator_deletes() {
    let site = Site::with_company().await;
    site.person("Bruno", "Bianchi", &[]).await;
    let choir = site.group("Choir", "Thursdays at six", &[]).await;
    let people = ["ana.muller", "zoe.ruiz", "noa.levi", "tama.kahurangi", "minh.nguyen", "aylin.yilmaz"];
    site.put_in(choir, &people).await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    open_group(&browser, "choir").await;
    browser.click_text("Owners").await;
    browser.wait_for_text("It has no owner").await;
    browser.click_text("Add an owner").await;
    browser.fill("Username, address or id", "bruno@acme.example").await;
    browser.click_text("Add owner").await;
    browser.wait_for_text("Choir has another owner now").await;
    browser.check_page("group-owners").await;

    let bruno = site.signed_in("bruno@acme.example").await;
    bruno.expect_in_console("422");
    bruno.goto("/o/acme/account/groups").await;
    bruno.wait_for_text("Groups that you own").await;
    bruno.check_page("own-groups").await;
    bruno.click(".row-link").await;
    bruno.wait_for_text("Ana Müller").await;
    bruno.click_text("Add somebody").await;
    bruno.fill("Username or email address", "nobody").await;
    bruno.click_text("Add to the group").await;
    bruno.wait_for_text("There is no such user").await;
    bruno.fill("Username or email address", "mateo.quispe@acme.example").await;
    bruno.click_text("Add to the group").await;
    bruno.wait_for_text("The person is in Choir now").await;
    // An owner of a group who may read nobody sees of somebody else what was typed.
    bruno.wait_for_text("mateo.quispe@acme.example").await;
    bruno.check_page("own-group").await;
    bruno.click_text("Remove Ana Müller").await;
    bruno.click_text("Take out").await;
    bruno.wait_for_no_text("Ana Müller").await;
    bruno.finish().await;

    more(&browser, "Delete…").await;
    browser.wait_for_text("6 people lose what it gives").await;
    browser.check_page("group-delete").await;
    browser.fill("Type the name to confirm", "Choir").await;
    browser.click_text("Delete group").await;
    browser.wait_for_text("Group deleted. Inherited access was removed").await;
    browser.finish().await;
}
