//! The list of users: searching, statuses, order, pages, and what is shown when there is nothing to show.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finding() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.wait_for_text("29 people").await;
    browser.check_page("users").await;

    // Any part, without accents, in any script; the address says what is shown.
    for (typed, found) in [
        ("muller", "Ana Müller"),
        ("zoltowski", "Łukasz Żółtowski"),
        ("E-1004", "Chidi Okafor"),
        ("5550 0106", "Minh Nguyễn"),
        ("李", "李小龙"),
        ("соколов", "Дмитрий Соколов"),
        ("viktor.horv", "Viktor Horváth"),
    ] {
        browser.fill("Search users", typed).await;
        browser.wait_for_text("1 person").await;
        browser.wait_for_text(found).await;
        assert_eq!(browser.texts(".row-link b").await, [found]);
        // The box keeps the focus and what was typed.
        assert_eq!(browser.value("Search users").await, typed);
        assert_eq!(browser.focused().await, "Search users");
    }
    browser.check_page("users-found").await;
    browser.fill("Search users", "nobody at all").await;
    browser.wait_for_text("No users match").await;
    browser.check_page("users-no-match").await;
    browser.click_text("Clear search and filters").await;
    browser.wait_for_path("/o/acme/users").await;
    assert_eq!(browser.value("Search users").await, "");

    browser.click_text("Users").await;
    for (chip, found) in [("Active", "24"), ("Invited", "0"), ("Locked", "0"), ("Suspended", "2")] {
        browser.click_text(&format!("{chip} {found}")).await;
        browser.wait_for_path(&format!("/o/acme/users?status={}", chip.to_lowercase())).await;
    }
    browser.wait_for_text("2 people").await;
    assert_eq!(browser.texts(".row-link b").await, ["Amara Diallo", "Viktor Horváth"]);
    browser.click_text("Status").await;
    browser.wait_for_focus("Which status?").await;
    browser.check_page("users-status").await;
    browser.fill("Which status?", "archived").await;
    browser.press("Enter").await;
    browser.wait_for_text("Grace Achieng").await;
    browser.click_text("Status").await;
    browser.click_text("Deleted").await;
    browser.wait_for_text("Liam Walker").await;
    browser.click_text("All 29").await;
    browser.wait_for_path("/o/acme/users").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_of_another_product_offers_what_it_can_mean() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.click_text("Status").await;
    browser.fill("Which status?", "disabled").await;
    browser.press("Enter").await;
    browser.wait_for_text("“disabled” can mean:").await;
    browser.wait_for_text("3 people").await;
    browser.check_page("users-meanings").await;
    browser.click(".meanings .chip").await;
    browser.wait_for_text("2 people").await;
    browser.goto("/o/acme/users?word=sleeping").await;
    browser.wait_for_text("No status is called “sleeping”").await;
    browser.check_page("users-no-status").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sorting_and_paging() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.wait_for_text("29 people").await;
    browser.click("#page-size-25").await;
    browser.wait_for_text("25 of 29 people").await;
    let first_page = browser.texts(".row-link b").await;
    assert_eq!(first_page.len(), 25);
    browser.click_text("Next").await;
    browser.wait_for_text("4 of 29 people").await;
    let second_page = browser.texts(".row-link b").await;
    assert!(second_page.iter().all(|name| !first_page.contains(name)));
    browser.check_page("users-last-page").await;
    browser.click_text("Previous").await;
    browser.wait_for_text("25 of 29 people").await;
    assert_eq!(browser.texts(".row-link b").await, first_page);

    for (column, sort) in [("Created", "-created"), ("Last sign-in", "-last_sign_in"), ("User", "name")] {
        browser.click_text(column).await;
        browser.wait_for_path(&format!("/o/acme/users?sort={sort}&page_size=25")).await;
    }
    browser.click_text("Username").await;
    browser.wait_for_path("/o/acme/users?sort=username&page_size=25").await;
    browser.click_text("Username").await;
    browser.wait_for_path("/o/acme/users?sort=-username&page_size=25").await;
    browser.wait_for_text("Zoë Ruiz").await;
    browser.click("#page-size-50").await;
    browser.wait_for_path("/o/acme/users?sort=-username&page_size=50").await;
    browser.wait_for_text("29 people").await;
    assert_eq!(browser.texts(".row-link b").await.len(), 29);
    // Back leads through what was shown.
    browser.back().await;
    browser.wait_for_path("/o/acme/users?sort=-username&page_size=25").await;
    browser.wait_for_text("25 of 29 people").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_row_opens_and_its_menu_offers_what_is_possible() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.goto("/o/acme/users?q=amara").await;
    browser.point_at("tbody td:nth-child(5)").await;
    browser.wait_for_text("Parental leave until March").await;
    browser.goto("/o/acme/users?status=active,suspended,inactive,deprovisioned,deleted&page_size=50").await;
    let menu_of = async |name: &str| {
        browser.click_text(&format!("Actions for {name}")).await;
        let items = browser.texts(".menu:popover-open a").await;
        browser.press("Escape").await;
        items
    };
    let last = |items: Vec<String>| items.last().cloned().unwrap_or_default();
    assert_eq!(
        menu_of("Ana Müller").await,
        [
            "View profile",
            "Active sessions",
            "Edit",
            "Reset password…",
            "Why can't they sign in?",
            "Roles and groups…",
            "Lock…",
            "Suspend…",
            "Deprovision…"
        ]
    );
    assert!(menu_of("Amara Diallo").await.contains(&"Reactivate…".to_owned()));
    assert!(menu_of("Grace Achieng").await.contains(&"Rehire…".to_owned()));
    assert!(menu_of("Ngozi Eze").await.contains(&"Activate…".to_owned()));
    assert_eq!(last(menu_of("Liam Walker").await), "Delete permanently…");
    browser.click_text("Actions for Ana Müller").await;
    browser.check_page("users-menu").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_viewer_may_not_do_is_absent_or_says_why() {
    let site = Site::with_company().await;
    site.person("Aurel", "Auditor", &[model::Role::Auditor]).await;
    site.person("Helen", "Desk", &[model::Role::Helpdesk]).await;
    let auditor = site.signed_in("aurel@acme.example").await;
    auditor.wait_for_text("31 people").await;
    assert!(auditor.texts(".page-actions a").await.is_empty());
    auditor.click_text("Actions for Ana Müller").await;
    assert_eq!(
        auditor.texts(".menu:popover-open a").await,
        ["View profile", "Active sessions", "Why can't they sign in?"]
    );
    auditor.expect_in_console("403");
    auditor.goto("/o/acme/users/new").await;
    auditor.wait_for_text("Not allowed").await;
    auditor.check_page("error-403").await;
    auditor.finish().await;

    let helpdesk = site.signed_in("helen@acme.example").await;
    helpdesk.fill("Search users", "olivia").await;
    helpdesk.wait_for_text("1 person").await;
    helpdesk.click_text("Actions for Olivia Owner").await;
    helpdesk.wait_for_text("May do more than you").await;
    helpdesk.check_page("users-menu-refused").await;
    helpdesk.finish().await;
}
