//! Giving and taking roles, and the owner who can't be removed.

use crate::support::{OWNER, Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "tama").await;
    more(&browser, "Change roles…").await;
    browser.wait_for_text("Change the roles of Tama Kahurangi").await;
    browser.check_page("change-roles").await;
    browser.tick("Helpdesk").await;
    browser.tick("Auditor").await;
    browser.click_text("Change roles").await;
    browser.wait_for_text("The roles of Tama Kahurangi were changed").await;
    browser.wait_for_text("Given by Olivia Owner").await;
    browser.wait_for_text("Member").await;
    browser.check_page("user-roles").await;
    // The list shows the strongest, and how many more there are.
    browser.goto("/o/acme/users?q=tama").await;
    browser.wait_for_text("+1").await;
    browser.click_text("Actions for Tama Kahurangi").await;
    browser.click_text("Roles and groups…").await;
    browser.click_text("Change roles…").await;
    browser.wait_for_text("Change the roles of").await;
    assert!(browser.is_ticked("Helpdesk").await);
    browser.tick("Auditor").await;
    browser.click_text("Change roles").await;
    browser.wait_for_no_text("+1").await;
    browser.finish().await;
}

/// Made, given, looked at, compared, changed and deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_of_ones_own() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    // What the applications let people do.
    browser.click_text("Roles").await;
    browser.wait_for_text("Named sets of permissions").await;
    browser.check_page("roles").await;
    browser.click_text("Applications' permissions").await;
    browser.wait_for_text("None yet").await;
    browser.check_page("permissions-none").await;
    browser.click_text("Define permission").await;
    browser.fill("Name", "user:refund").await;
    browser.click_text("Define permission").await;
    browser.wait_for_text("is Muster's own").await;
    browser.fill("Name", "content:edit").await;
    browser.fill("What it allows", "Change pages of the web site").await;
    browser.check_page("permission-define").await;
    browser.click_text("Define permission").await;
    browser.wait_for_text("content:edit").await;
    browser.check_page("permissions").await;
    // A copy, with one thing more.
    browser.goto("/o/acme/roles/helpdesk").await;
    browser.wait_for_text("Built-in").await;
    browser.check_page("role-built-in").await;
    browser.click_text("Make a copy…").await;
    browser.wait_for_text("Begins as a copy of Helpdesk").await;
    browser.fill("Name", "Helpdesk").await;
    browser.click_text("Create role").await;
    browser.wait_for_text("A built-in role is called so").await;
    browser.fill("Name", "Night desk").await;
    browser.tick("Lock Lock accounts").await;
    browser.tick("Edit Change pages of the web site").await;
    // All of a row, and none of it again.
    browser.click_text("All of Sessions").await;
    assert!(browser.is_ticked("Revoke End other people's sessions").await);
    browser.click_text("All of Sessions").await;
    browser.check_page("role-create").await;
    browser.click_text("Create role").await;
    browser.wait_for_text("The role Night desk was made").await;
    browser.check_page("role").await;
    // Given to somebody, and seen there, and in the list beside the tab "Compare".
    open(&browser, "tama").await;
    more(&browser, "Change roles…").await;
    browser.tick("Night desk").await;
    browser.click_text("Change roles").await;
    browser.wait_for_text("were changed").await;
    browser.goto("/o/acme/roles").await;
    browser.click_text("Night desk").await;
    browser.wait_for_text("Held by 1 person and 0 groups").await;
    browser.click_text("Who has it").await;
    browser.wait_for_text("Tama Kahurangi").await;
    browser.check_page("role-holders").await;
    // Side by side with what it was copied from.
    browser.click_text("Compare…").await;
    browser.select("The other", "Helpdesk").await;
    browser.click_text("Compare these").await;
    browser.wait_for_text("Only here").await;
    browser.check_page("role-compare").await;
    browser.click_text("Everything").await;
    browser.wait_for_text("Unlock").await;
    // Changed, after a look at what that does.
    browser.goto("/o/acme/roles").await;
    browser.click_text("Night desk").await;
    browser.click_text("Edit…").await;
    browser.tick("Lock Lock accounts").await;
    browser.tick("Suspend Suspend and reactivate users").await;
    browser.click_text("Review changes").await;
    browser.wait_for_text("Added: Suspend and reactivate users").await;
    browser.wait_for_text("Removed: Lock accounts").await;
    browser.wait_for_text("Held by 1 person").await;
    browser.check_page("role-review").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("The role Night desk was changed").await;
    // And gone.
    browser.click_text("Delete…").await;
    browser.wait_for_text("Delete Night desk?").await;
    browser.check_page("role-delete").await;
    browser.click_text("Delete role").await;
    browser.wait_for_text("The role was deleted").await;
    browser.goto("/o/acme/permissions").await;
    browser.click_text("Actions for content:edit").await;
    browser.click_text("Remove…").await;
    browser.wait_for_text("No role allows it").await;
    browser.click_text("Remove permission").await;
    browser.wait_for_text("None yet").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_is_always_left() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("409");
    let owner = site.id_of(OWNER).await;
    browser.goto(&format!("/o/acme/users/{owner}")).await;
    more(&browser, "Change roles…").await;
    browser.tick("Owner").await;
    browser.click_text("Change roles").await;
    browser.wait_for_text("owner").await;
    browser.check_page("change-roles-refused").await;
    browser.click_text("Cancel").await;
    more(&browser, "Suspend…").await;
    browser.select("Reason", "Other").await;
    browser.click_text("Suspend").await;
    browser.check_page("suspend-last-owner").await;
    browser.click_text("Cancel").await;
    browser.wait_for_focus("More actions").await;
    browser.finish().await;
}
