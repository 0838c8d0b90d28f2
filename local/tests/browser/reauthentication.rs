//! Nobody is asked for a proof twice within five minutes.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS, Setup};
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_email, new_mobile};

const STORED: &str = "return sessionStorage.getItem('reauthentication')";

async fn is_hidden(browser: &Browser, id: &str) -> bool {
    browser.js(&format!("return !document.getElementById('{id}').checkVisibility()")).await == true
}

async fn signed_in(setup: Setup) -> (Site, Person, Browser) {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, setup).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    (site, person, browser)
}

async fn sign_in_by_sms(site: &Site, browser: &Browser, person: &Person) {
    browser.open("/login").await;
    browser.click("by-sms-tab").await;
    browser.fill("mobile", &person.mobile).await;
    browser.click("consent").await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&person.mobile).await).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.see("devices").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_just_signed_in_by_sms_exports_and_changes_the_password_with_no_further_code() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, setup).await;
        sign_in_by_sms(&site, &browser, &person).await;
        let number = format!("+86{}", person.mobile);
        let told = site.messages_to(&number).await.len();
        browser.open_row("export-item").await;
        browser.see("export-form").await;
        assert!(is_hidden(&browser, "export-proof").await);
        browser.submit("export-form").await;
        browser.says("export-item-saved", if setup.english { "Downloaded" } else { "已下载" }).await;
        assert_eq!(site.messages_to(&number).await.len(), told, "no code was sent");
        // The same holds after a reload.
        browser.open("/users").await;
        browser.open_row("password-item").await;
        browser.fill("new-password", NEW_PASSWORD).await;
        assert!(is_hidden(&browser, "password-proof").await);
        browser.submit("password-form").await;
        browser.says("password-item-saved", if setup.english { "Saved" } else { "已保存" }).await;
        let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
        assert_eq!(site.post("/users/login/", &body).await.status, 200);
        // The change of password raised the credential version, so the next operation needs a proof.
        browser.open_row("password-item").await;
        browser.see("password-proof-password").await;
        assert_eq!(browser.js(STORED).await, Value::Null);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_minutes_the_fields_come_and_nothing_that_was_typed_is_lost() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        browser.open_row("password-item").await;
        browser.fill("new-password", NEW_PASSWORD).await;
        assert!(is_hidden(&browser, "password-proof").await);
        // Only the server's clock moves, so the server refuses.
        site.advance(301).await;
        browser.submit("password-form").await;
        browser
            .status_says("password-form", if setup.english { "confirm again who you are" } else { "重新确认身份" })
            .await;
        browser.see("password-proof-password").await;
        assert_eq!(browser.js("return document.activeElement.id").await, "password-proof-password");
        assert_eq!(browser.js("return document.getElementById('new-password').value").await, NEW_PASSWORD);
        browser.fill("password-proof-password", PASSWORD).await;
        browser.submit("password-form").await;
        browser.says("password-item-saved", if setup.english { "Saved" } else { "已保存" }).await;
        let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
        assert_eq!(site.post("/users/login/", &body).await.status, 200);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_does_for_all_that_is_done_in_five_minutes() {
    let (site, person, browser) = signed_in(SETUPS[0]).await;
    let email = new_email();
    site.advance(301).await;
    browser.come_back_later().await;
    browser.open_row("export-item").await;
    browser.see("export-proof-password").await;
    browser.js("document.querySelector('#export-proof [data-other=code]').click()").await;
    browser.click("export-proof-code-send").await;
    browser.until("document.getElementById('export-proof-code-send-live').textContent").await;
    let code = site.code_for(&person.mobile).await;
    browser.fill("export-proof-code", &crate::site::other_code(&code)).await;
    browser.submit("export-form").await;
    browser.says("export-proof-code-error", "验证码错误").await;
    browser.fill("export-proof-code", &code).await;
    browser.submit("export-form").await;
    browser.says("export-item-saved", "已下载").await;
    assert!(is_hidden(&browser, "export-proof").await);
    browser.open_row("email-item").await;
    browser.fill("email", &email).await;
    assert!(is_hidden(&browser, "email-proof").await);
    browser.submit("email-form").await;
    browser.see("email-code-form").await;
    browser.fill("email-code", &site.code_for(&email).await).await;
    browser.submit("email-code-form").await;
    browser.says("email-item-value", &email).await;
    // The change of email ended the reauthentication.
    browser.open_row("password-item").await;
    browser.see("password-proof").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fresh_sign_in_a_new_number_needs_its_own_code_alone_and_a_deletion_its_tick() {
    let (site, person, browser) = signed_in(SETUPS[0]).await;
    let mobile = new_mobile();
    browser.open_row("mobile-item").await;
    browser.fill("mobile", &mobile).await;
    assert!(is_hidden(&browser, "mobile-proof").await);
    browser.click("mobile-code-send").await;
    browser.until("document.getElementById('mobile-code-send-live').textContent").await;
    let code = site.code_for(&mobile).await;
    browser.fill("mobile-code", &crate::site::other_code(&code)).await;
    browser.submit("mobile-form").await;
    browser.says("mobile-code-error", "验证码错误").await;
    browser.fill("mobile-code", &code).await;
    browser.submit("mobile-form").await;
    browser.says("mobile-item-value", &format!("{}****{}", &mobile[..3], &mobile[7..])).await;
    let person = Person { mobile, ..person };
    browser.click("sign-out").await;
    browser.at("/login").await;
    assert_eq!(browser.js(STORED).await, Value::Null);
    browser.sign_in(&person.mobile, PASSWORD).await;
    browser.open_row("delete-item").await;
    browser.submit("delete-form").await;
    browser.until("document.getElementById('delete-sure-error').textContent").await;
    assert!(is_hidden(&browser, "delete-proof").await);
    browser.click("delete-sure").await;
    browser.submit("delete-form").await;
    browser.at("/login").await;
    browser.says("reason", "已注销").await;
    assert_eq!(browser.js(STORED).await, Value::Null);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_session_s_reauthentication_is_not_used() {
    let (_site, _, browser) = signed_in(SETUPS[0]).await;
    let other = "const kept = JSON.parse(sessionStorage.getItem('reauthentication'));
        sessionStorage.setItem('reauthentication', JSON.stringify({ ...kept, session: 'another' }))";
    browser.js(other).await;
    browser.open("/users").await;
    browser.open_row("export-item").await;
    browser.see("export-proof-password").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_storage_is_blocked_it_is_kept_in_memory_and_ends_in_time() {
    let site = Site::with_settings(&[]).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/login").await;
    let script = "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked') } });
        return import(document.querySelector('script[src*=site]').src.replace('site.js', 'reauthentication.js'))
        .then(({ reauthentication, keepReauthentication, dropReauthentication }) => {
            const told = [];
            const tell = (session) => told.push(Boolean(reauthentication(session)));
            keepReauthentication('value', 'mine');
            tell('mine'); tell('another'); tell('');
            const now = Date.now;
            Date.now = () => now() + 300_000;
            tell('mine');
            Date.now = now;
            dropReauthentication();
            tell('mine');
            return told;
        })";
    assert_eq!(browser.js(script).await, json!([true, false, false, false, false]));
    browser.open("/login").await;
    browser.close().await;
}
