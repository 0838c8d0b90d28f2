//! The account page: the changes that people make to their own accounts.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, SETUPS, Setup};
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile};

async fn signed_in(setup: Setup) -> (Site, Person, Browser) {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, setup).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    browser.come_back_later().await;
    (site, person, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_changes_names_and_password() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        browser.open_row("nickname-item").await;
        browser.fill("nickname", "雷雷").await;
        browser.submit("nickname-form").await;
        browser.says("nickname-item-value", "雷雷").await;
        browser.open_row("username-item").await;
        browser.fill("username", &person.mobile).await;
        browser.submit("username-form").await;
        let missing = if setup.english { "Please fill this in" } else { "请填写这一项" };
        browser.says("username-proof-password-error", missing).await;
        browser.fill("username-proof-password", "wrong password").await;
        browser.submit("username-form").await;
        browser.says("username-proof-password-error", if setup.english { "Wrong password" } else { "密码错误" }).await;
        browser.fill("username-proof-password", PASSWORD).await;
        browser.submit("username-form").await;
        browser.says("username-error", if setup.english { "like a number" } else { "手机号" }).await;
        browser.fill("username", "leilei.1").await;
        browser.submit("username-form").await;
        browser.says("username-item-value", "leilei.1").await;

        // The proof was a moment ago. The next change is made as long after it.
        browser.come_back_later().await;
        let other = site.log_in("leilei.1").await;
        browser.open_row("password-item").await;
        browser.fill("password-proof-password", "wrong password").await;
        browser.fill("new-password", NEW_PASSWORD).await;
        browser.submit("password-form").await;
        browser.says("password-proof-password-error", if setup.english { "Wrong password" } else { "密码错误" }).await;
        browser.fill("password-proof-password", PASSWORD).await;
        browser.submit("password-form").await;
        browser.says("password-item-saved", if setup.english { "Saved" } else { "已保存" }).await;
        site.me(other["token"].as_str().unwrap()).await.is_refused(401, "unauthorized");
        // The session on this device continues, even after a reload.
        browser.open("/users").await;
        browser.says("username-item-value", "leilei.1").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_moves_to_another_number_and_binds_an_email() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        let (mobile, email) = (new_mobile(), new_email());
        browser.open_row("email-item").await;
        browser.fill("email", &email).await;
        browser.fill("email-proof-password", PASSWORD).await;
        browser.submit("email-form").await;
        browser.see("email-code-form").await;
        browser.fill("email-code", &site.code_for(&email).await).await;
        browser.submit("email-code-form").await;
        browser.says("email-item-value", &email).await;

        browser.open_row("mobile-item").await;
        browser.click("mobile-proof-password-field").await;
        browser.js("document.querySelector('#mobile-proof [data-other=code]').click()").await;
        browser.click("mobile-proof-code-send").await;
        browser.until("document.getElementById('mobile-proof-code-send-live').textContent").await;
        let confirm = site.code_for(&person.mobile).await;
        browser.fill("mobile-proof-code", &confirm).await;
        browser.fill("mobile", &mobile).await;
        browser.click("mobile-code-send").await;
        browser.until("document.getElementById('mobile-code-send-live').textContent").await;
        browser.fill("mobile-code", &site.code_for(&mobile).await).await;
        browser.submit("mobile-form").await;
        browser.says("mobile-item-value", &format!("{}****{}", &mobile[..3], &mobile[7..])).await;
        browser.open("/").await;
        browser.says("welcome", "小明").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_and_signs_out_other_devices() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        let other = site.log_in(&person.mobile).await;
        browser.open("/users").await;
        browser.until("document.querySelectorAll('#devices li').length === 3").await;
        let listed = browser.js("return document.getElementById('devices').innerText").await;
        let text = listed.as_str().unwrap();
        assert!(
            text.contains("Chrome · Linux") && text.contains(if setup.english { "This device" } else { "本设备" }),
            "{text}"
        );
        browser.js("document.querySelectorAll('#devices button').forEach((button) => button.click())").await;
        browser.until("document.querySelectorAll('#devices li').length === 1").await;
        site.me(other["token"].as_str().unwrap()).await.is_refused(401, "unauthorized");
        browser.click("sign-out-all").await;
        browser.at("/login").await;
        browser.open("/users").await;
        browser.at("/login").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_exports_and_deletes_the_account() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        browser.open_row("export-item").await;
        browser.fill("export-proof-password", PASSWORD).await;
        browser.submit("export-form").await;
        browser.says("export-item-saved", if setup.english { "Downloaded" } else { "已下载" }).await;
        browser.open_row("delete-item").await;
        browser.click("delete-sure").await;
        browser.submit("delete-form").await;
        browser.at("/login").await;
        browser.says("reason", if setup.english { "deleted" } else { "已注销" }).await;
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        assert_eq!(site.post("/users/login/", &body).await.status, 400);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_way_to_prove_has_the_focus_and_whoever_signs_out_leaves_no_name_in_the_tab() {
    let (_site, person, browser) = signed_in(SETUPS[0]).await;
    browser.open_row("export-item").await;
    for (way, field) in [("code", "export-proof-code"), ("password", "export-proof-password")] {
        browser.js(&format!("document.querySelector('#export-proof [data-other={way}]').click()")).await;
        assert_eq!(browser.js("return document.activeElement.id").await, field);
    }
    let kept = "return JSON.stringify(sessionStorage)";
    assert!(browser.js(kept).await.as_str().unwrap().contains(&person.mobile), "for the password manager");
    browser.open("/").await;
    browser.click("sign-out").await;
    browser.see("signed-out").await;
    assert!(!browser.js(kept).await.as_str().unwrap().contains(&person.mobile));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_password_proves_by_sms_and_sets_a_first_one() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    browser.click("by-sms-tab").await;
    browser.fill("mobile", &mobile).await;
    browser.click("consent").await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&mobile).await).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.says("password-item-value", "未设置").await;
    site.advance(61).await;
    browser.come_back_later().await;
    browser.open_row("password-item").await;
    browser.click("password-proof-code-send").await;
    browser.until("document.getElementById('password-proof-code-send-live').textContent").await;
    browser.fill("password-proof-code", &site.code_for(&mobile).await).await;
    browser.fill("new-password", PASSWORD).await;
    browser.submit("password-form").await;
    browser.says("password-item-value", "已设置").await;
    site.log_in(&mobile).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_refresh_once_and_a_session_ended_elsewhere_says_so() {
    let (site, person, browser) = signed_in(SETUPS[0]).await;
    let generations = || async {
        let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
        let items = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
        let of_sessions = items.iter().filter_map(|item| item.get("generation")?.as_n().ok()?.parse::<u64>().ok());
        of_sessions.sum::<u64>()
    };
    // Both tabs load at the same moment, and neither has an access token.
    let before = generations().await;
    let first = browser.driver().window().await.unwrap();
    let second = browser.driver().new_tab().await.unwrap();
    browser.driver().switch_to_window(second.clone()).await.unwrap();
    browser.open("/login").await;
    browser.driver().switch_to_window(first.clone()).await.unwrap();
    browser.js("setTimeout(() => location.reload(), 50)").await;
    browser.driver().switch_to_window(second).await.unwrap();
    browser.open("/users").await;
    browser.see("devices").await;
    browser.driver().switch_to_window(first).await.unwrap();
    browser.see("devices").await;
    assert_eq!(generations().await - before, 1, "the other tab lends its own");

    // Another device signs the account out everywhere.
    let other = site.log_in(&person.mobile).await;
    let token = other["token"].as_str().unwrap();
    site.send_as(token, Method::POST, "/users/logout/", &json!({ "all": true })).await.is_done();
    browser.open("/users").await;
    browser.at("/login").await;
    browser.says("reason", "登录已结束").await;
    assert!(browser.path().await.contains("next=%2Fusers"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_s_sign_in_in_another_tab_shows_theirs_and_a_sign_out_shows_nothing() {
    let (site, _, browser) = signed_in(SETUPS[0]).await;
    let other = site.register().await;
    let first = browser.driver().window().await.unwrap();
    let second = browser.driver().new_tab().await.unwrap();
    browser.driver().switch_to_window(second.clone()).await.unwrap();
    browser.open("/login").await;
    browser.fill("username", &other.mobile).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    let masked = format!("{}****{}", &other.mobile[..3], &other.mobile[7..]);
    browser.says("mobile-item-value", &masked).await;
    browser.driver().switch_to_window(first.clone()).await.unwrap();
    browser.says("mobile-item-value", &masked).await;
    // A page that shows no account keeps what is typed into it.
    let third = browser.driver().new_tab().await.unwrap();
    browser.driver().switch_to_window(third.clone()).await.unwrap();
    browser.open("/register").await;
    browser.fill("mobile", &new_mobile()).await;
    browser.driver().switch_to_window(second).await.unwrap();
    browser.open("/users").await;
    browser.see("devices").await;
    browser.click("sign-out").await;
    browser.at("/login").await;
    browser.driver().switch_to_window(first).await.unwrap();
    browser.at("/login").await;
    browser.driver().switch_to_window(third).await.unwrap();
    assert_ne!(browser.js("return document.getElementById('mobile').value").await, "");
    browser.close().await;
}
