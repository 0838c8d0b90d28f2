//! The account page: where it shows its messages, where the focus goes, and what survives a reload or an outage.

use serde_json::json;

use crate::browser::{Browser, SETUPS, Setup};
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, other_code};

async fn signed_in(setup: Setup) -> (Site, Person, Browser) {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, setup).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    (site, person, browser)
}

/// Fills in a proof by password if the page asks for one.
async fn prove(browser: &Browser, place: &str) {
    let script = format!("return document.getElementById('{place}-password')?.checkVisibility() || false");
    if browser.js(&script).await == true {
        browser.fill(&format!("{place}-password"), PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_with_a_button_and_the_page_goes_on_by_itself_when_the_network_returns() {
    for setup in SETUPS {
        let (site, _, browser) = signed_in(setup).await;
        let faults = &site.system.as_ref().unwrap().faults;
        let words = if setup.english { "unavailable" } else { "不可用" };
        for page in ["/users", "/"] {
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 100_000);
            browser.open(page).await;
            browser.says("loading", words).await;
            browser.see("retry").await;
            crate::pictures::look(
                &browser,
                &format!("outage{}{}", page.replace('/', "-"), if setup.english { "-en" } else { "" }),
            )
            .await;
            browser.click("retry").await;
            browser.says("loading", words).await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
            browser.click("retry").await;
            browser.see(if page == "/" { "signed-in" } else { "devices" }).await;
            assert_eq!(
                browser.js("return document.activeElement.id").await,
                "main",
                "the button that had the focus is gone"
            );
            if page == "/users" {
                // Both parts have recovered, and their messages do not return with the network.
                browser.set_offline(true).await;
                browser.set_offline(false).await;
                browser.until("!document.getElementById('devices-status').textContent && document.getElementById('devices-retry').hidden").await;
            }

            // Nobody presses the button here. The page recovers when the network returns.
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 100_000);
            browser.open(page).await;
            browser.see("retry").await;
            faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
            browser.set_offline(true).await;
            browser.set_offline(false).await;
            browser.see(if page == "/" { "signed-in" } else { "devices" }).await;
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_could_not_be_listed_are_listed_by_the_button_and_a_link_is_checked_again() {
    let (site, _, browser) = signed_in(SETUPS[0]).await;
    browser.cdp("Network.enable", json!({})).await;
    browser.cdp("Network.setBlockedURLs", json!({ "urls": ["*/users/me/sessions/*"] })).await;
    browser.open("/users").await;
    browser.see("devices-retry").await;
    browser.says("mobile-item-value", "****").await;
    browser.cdp("Network.setBlockedURLs", json!({ "urls": [] })).await;
    browser.click("devices-retry").await;
    browser.until("document.querySelectorAll('#devices li').length > 0").await;
    browser
        .until(
            "document.getElementById('devices-retry').hidden && !document.getElementById('devices-status').textContent",
        )
        .await;

    let (_, email) = site.register_with_email().await;
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    browser.cdp("Network.setBlockedURLs", json!({ "urls": ["*/users/find/password/"] })).await;
    browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
    browser.see("retry").await;
    browser.cdp("Network.setBlockedURLs", json!({ "urls": [] })).await;
    browser.click("retry").await;
    browser.says("whose", &email).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_never_signed_in_is_simply_asked_to_sign_in_and_comes_back() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/users").await;
    browser.at("/login").await;
    assert_eq!(browser.path().await, "/login?next=%2Fusers");
    browser.until("document.querySelector('#by-password button[type=submit]').disabled === false").await;
    assert_eq!(browser.js("return document.getElementById('reason').hidden").await, true);
    browser.fill("username", &person.mobile).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    browser.see("devices").await;
    // A person who signs out is not told that they were signed out.
    browser.click("sign-out").await;
    browser.at("/login").await;
    browser.open("/users").await;
    browser.at("/login").await;
    assert_eq!(browser.path().await, "/login?next=%2Fusers");
    browser.close().await;
}

/// Waits until a row is closed and shows what was done, with the focus on its title.
async fn is_saved(browser: &Browser, row: &str, words: &str) {
    browser.says(&format!("{row}-saved"), words).await;
    browser.until(&format!("!document.getElementById('{row}').open")).await;
    browser.until(&format!("document.getElementById('{row}-saved').checkVisibility()")).await;
    browser.until(&format!("document.activeElement.id === '{row}-summary'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_row_closes_says_so_and_has_the_focus_and_its_form_is_as_new() {
    for setup in SETUPS {
        let (_site, _, browser) = signed_in(setup).await;
        let words = if setup.english { "Saved" } else { "已保存" };
        browser.open_row("nickname-item").await;
        browser.fill("nickname", "雷雷").await;
        browser.submit("nickname-form").await;
        is_saved(&browser, "nickname-item", words).await;
        browser.open_row("username-item").await;
        browser.fill("username", "leilei.1").await;
        browser.submit("username-form").await;
        is_saved(&browser, "username-item", words).await;
        crate::pictures::look(&browser, if setup.english { "row-saved-en" } else { "row-saved" }).await;

        browser.open_row("password-item").await;
        prove(&browser, "password-proof").await;
        browser.fill("new-password", NEW_PASSWORD).await;
        browser.until("document.getElementById('new-password-meter').dataset.level === '3'").await;
        browser.click("new-password-shows").await;
        browser.until("document.getElementById('new-password').type === 'text'").await;
        browser.submit("password-form").await;
        is_saved(&browser, "password-item", words).await;
        browser.open_row("password-item").await;
        browser.until("document.getElementById('new-password-meter').dataset.level === '0'").await;
        browser.until("document.getElementById('new-password-strength').textContent === ''").await;
        browser.until("document.getElementById('new-password').type === 'password'").await;
        browser.until("document.getElementById('password-item-saved').textContent === ''").await;

        browser.open_row("export-item").await;
        if browser.js("return document.getElementById('export-proof-password')?.checkVisibility() || false").await
            == true
        {
            browser.fill("export-proof-password", NEW_PASSWORD).await;
        }
        browser.submit("export-form").await;
        is_saved(&browser, "export-item", if setup.english { "Downloaded" } else { "已下载" }).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_never_falls_to_the_page() {
    let (site, person, browser) = signed_in(SETUPS[0]).await;
    // If a refusal belongs to no field, the focus stays on the button.
    browser.open("/login").await;
    browser.fill("username", &person.mobile).await;
    browser.fill("password", PASSWORD).await;
    let faults = &site.system.as_ref().unwrap().faults;
    faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 100_000);
    browser.submit("by-password").await;
    browser.status_says("by-password", "不可用").await;
    faults.set(local::faults::Service::Dynamodb, local::faults::Kind::Error, 0);
    browser.until("document.activeElement.matches('#by-password button[type=submit]')").await;
    // A device that disappears from the list takes its button with it.
    site.log_in(&person.mobile).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    browser.until("document.querySelectorAll('#devices button').length > 0").await;
    browser.js("const button = document.querySelector('#devices button'); button.focus(); button.click()").await;
    browser.says("devices-status", "已退出").await;
    browser.until("document.activeElement.id === 'devices-title'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_waits_for_its_code_survives_a_reload_and_can_be_sent_again_or_changed() {
    for setup in SETUPS {
        let (site, _, browser) = signed_in(setup).await;
        let (first, email) = (new_email(), new_email());
        browser.open_row("email-item").await;
        browser.fill("email", &first).await;
        prove(&browser, "email-proof").await;
        browser.submit("email-form").await;
        browser.says("email-sent-to", &first).await;
        browser.until("document.activeElement.id === 'email-code'").await;
        browser.until("document.getElementById('email-code-send').disabled").await;
        browser.until("/^\\d+ (秒|s)$/.test(document.getElementById('email-code-send').textContent)").await;
        crate::pictures::look(&browser, if setup.english { "email-code-en" } else { "email-code" }).await;

        // The form survives a reload, and so does the countdown.
        browser.driver().refresh().await.unwrap();
        browser.says("email-sent-to", &first).await;
        browser.see("email-code").await;
        browser.until("document.getElementById('email-code-send').disabled").await;

        // Another address does not have to wait.
        browser.click("email-other").await;
        browser.until("document.activeElement.id === 'email'").await;
        browser.fill("email", &email).await;
        prove(&browser, "email-proof").await;
        browser.submit("email-form").await;
        browser.says("email-sent-to", &email).await;
        let sent = site.messages_to(&email).await.len();
        assert_eq!(sent, 1);
        let code = site.code_for(&email).await;
        browser.fill("email-code", &other_code(&code)).await;
        browser.submit("email-code-form").await;
        browser.until("document.getElementById('email-code-error').textContent").await;
        browser.until("document.activeElement.id === 'email-code'").await;

        // The code is sent again when the minute is over.
        site.advance(61).await;
        browser
            .js("for (const store of [sessionStorage, localStorage]) for (const key of Object.keys(store)) if (key.includes('wait')) store.removeItem(key)")
            .await;
        browser.driver().refresh().await.unwrap();
        browser.click("email-code-send").await;
        if browser.js("return document.getElementById('email-again-proof-password')?.checkVisibility() || false").await
            == true
        {
            browser.until("document.activeElement.id === 'email-again-proof-password'").await;
            browser.fill("email-again-proof-password", "wrong password").await;
            browser.click("email-code-send").await;
            browser.until("document.getElementById('email-again-proof-password-error').textContent").await;
            browser.fill("email-again-proof-password", PASSWORD).await;
            browser.click("email-code-send").await;
        }
        browser.until("document.getElementById('email-code-send-live').textContent").await;
        assert_eq!(site.messages_to(&email).await.len(), 2);
        browser.fill("email-code", &site.code_for(&email).await).await;
        browser.submit("email-code-form").await;
        browser.says("email-item-value", &email).await;
        is_saved(&browser, "email-item", if setup.english { "Saved" } else { "已保存" }).await;
        browser.driver().refresh().await.unwrap();
        browser.see("devices").await;
        assert_eq!(browser.js("return document.getElementById('email-item').open").await, false, "it is done");
        assert_eq!(browser.js("return sessionStorage.getItem('pending-email')").await, json!(null));
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_email_goes_with_its_time_and_is_no_other_person_s() {
    let (site, _, browser) = signed_in(SETUPS[0]).await;
    let email = new_email();
    browser.open_row("email-item").await;
    browser.fill("email", &email).await;
    prove(&browser, "email-proof").await;
    browser.submit("email-form").await;
    browser.says("email-sent-to", &email).await;
    let kept = browser.js("return sessionStorage.getItem('pending-email')").await;
    // The ten minutes are over by the browser's clock.
    browser.js("const one = JSON.parse(sessionStorage.getItem('pending-email')); one.until = Date.now(); sessionStorage.setItem('pending-email', JSON.stringify(one))").await;
    browser.driver().refresh().await.unwrap();
    browser.see("devices").await;
    assert_eq!(browser.js("return document.getElementById('email-code-form').hidden").await, true);
    // The ten minutes are over by the server's clock. The page says that the code has expired, and forgets it.
    browser.js(&format!("sessionStorage.setItem('pending-email', '{}')", kept.as_str().unwrap())).await;
    browser.driver().refresh().await.unwrap();
    browser.see("email-code").await;
    site.advance(601).await;
    browser.fill("email-code", "000000").await;
    browser.submit("email-code-form").await;
    browser.says("email-code-error", "过期").await;
    assert_eq!(browser.js("return sessionStorage.getItem('pending-email')").await, json!(null));
    // Another person signs in, in the same tab.
    let other = site.register().await;
    browser.js(&format!("sessionStorage.setItem('pending-email', '{}')", kept.as_str().unwrap())).await;
    browser.sign_in(&other.mobile, PASSWORD).await;
    assert_eq!(browser.js("return document.getElementById('email-code-form').hidden").await, true);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_account_is_told_beside_the_address() {
    let (site, _, browser) = signed_in(SETUPS[0]).await;
    let (_, email) = site.register_with_email().await;
    browser.open_row("email-item").await;
    browser.fill("email", &email).await;
    prove(&browser, "email-proof").await;
    browser.submit("email-form").await;
    browser.says("email-sent-to", &email).await;
    browser.fill("email-code", &site.code_for(&email).await).await;
    browser.submit("email-code-form").await;
    browser.until("document.getElementById('email-error').textContent").await;
    browser.until("document.activeElement.id === 'email'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_account_asks_in_its_own_words_by_a_red_button() {
    for setup in SETUPS {
        let (_site, _, browser) = signed_in(setup).await;
        browser.open_row("delete-item").await;
        prove(&browser, "delete-proof").await;
        browser.submit("delete-form").await;
        let words = if setup.english { "delete the account" } else { "确认注销账号" };
        browser.says("delete-sure-error", words).await;
        browser.until("document.activeElement.id === 'delete-sure'").await;
        for dark in [false, true] {
            browser.set_dark(dark).await;
            let red = browser
                .js("const style = getComputedStyle(document.querySelector('#delete-form button[type=submit]'));
                     const [r, g, b] = style.backgroundColor.match(/\\d+/g).map(Number);
                     return r > g + 60 && r > b + 60")
                .await;
            assert_eq!(red, true, "dark: {dark}");
        }
        browser.close().await;
    }
}
