//! Signing in by SMS where the number's account is not opened by a code alone, and where a number has none.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS, Setup};
use crate::pictures::look;
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile, other_code};

const DAY: u32 = 86_400;

/// Records the body of every sign-in by SMS. With `REFUSED`, a second proof is required of those whose body matches,
/// as the server requires it.
const SERVER: &str = "{ const send = window.fetch;
    window.fetch = (path, init) => {
        if (!String(path).includes('/users/sms_login/')) return send(path, init);
        const body = JSON.parse(init.body);
        sessionStorage.setItem('sent', JSON.stringify([...JSON.parse(sessionStorage.getItem('sent') || '[]'), body]));
        if (!(REFUSED)) return send(path, init);
        const refusal = { detail: '-', code: 'second_proof_required' };
        const headers = { 'Content-Type': 'application/json', 'X-Error-Code': refusal.code };
        return Promise.resolve(new Response(JSON.stringify(refusal), { status: 403, headers }));
    }; }";

async fn refusing(site: &Site, setup: Setup, refused: &str) -> Browser {
    let browser = Browser::start(&site.base_url, setup).await;
    browser.before_scripts(&SERVER.replace("REFUSED", refused)).await;
    browser
}

/// Returns what was sent to sign in by SMS.
async fn sent(browser: &Browser) -> Vec<Value> {
    browser.js("return JSON.parse(sessionStorage.getItem('sent') || '[]')").await.as_array().unwrap().clone()
}

/// Fills in the form of the sign-in by SMS. Returns the code.
pub async fn fill_code(browser: &Browser, site: &Site, mobile: &str) -> String {
    browser.open("/login?by=sms").await;
    browser.click("consent").await;
    browser.fill("mobile", mobile).await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    let code = site.code_for(mobile).await;
    browser.fill("code", &code).await;
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_only_after_the_server_said_that_the_number_has_none() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let browser = refusing(&site, SETUPS[0], "false").await;
    let code = fill_code(&browser, &site, &mobile).await;
    browser.fill("code", &other_code(&code)).await;
    // A wrong code makes no account. After four wrong ones, the fifth guess is left for both requests.
    for wrong in 1..=4 {
        browser.submit("by-sms").await;
        browser.until(&format!("JSON.parse(sessionStorage.getItem('sent')).length === {wrong}")).await;
        browser.says("code-error", "验证码错误").await;
        browser.until("!document.getElementById('by-sms').dataset.busy").await;
    }
    assert!(sent(&browser).await.iter().all(|body| body.get("register").is_none() && body.get("consent").is_none()));
    browser.fill("code", &code).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.says("nickname-item-value", &mobile[7..]).await;
    let sent = sent(&browser).await;
    assert_eq!(sent.len(), 6);
    assert_eq!((&sent[4]["sms_code"], sent[4].get("register")), (&json!(code), None));
    assert_eq!((&sent[5]["sms_code"], &sent[5]["register"]), (&json!(code), &json!(true)));
    assert!(sent[5]["consent"]["terms"].is_string(), "{sent:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_signs_in_with_one_request_that_makes_no_account() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = refusing(&site, SETUPS[0], "false").await;
    fill_code(&browser, &site, &person.mobile).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.says("nickname-item-value", "小明").await;
    let sent = sent(&browser).await;
    assert!(sent.len() == 1 && sent[0].get("register").is_none(), "{sent:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_new_number_makes_an_account_with_the_same_code() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let mobile = new_mobile();
        let browser = refusing(&site, setup, "!body.register").await;
        let code = fill_code(&browser, &site, &mobile).await;
        assert_eq!(browser.js("return document.getElementById('new-number').checkVisibility()").await, false);
        browser.submit("by-sms").await;
        browser.see("second-proof").await;
        browser.see("new-number-sign-up").await;
        browser.until("document.activeElement.id === 'second-proof-text'").await;
        browser.says("second-proof", if setup.english { "contact the operators" } else { "联系本站的运营方" }).await;
        look(&browser, if setup.english { "new-number-en" } else { "new-number" }).await;
        // Sent once more without a second proof, the form says what is missing.
        browser.submit("by-sms").await;
        browser.status_says("by-sms", if setup.english { "confirmed for a long time" } else { "很久没有确认" }).await;
        // A password that was typed is not the new account's.
        browser.fill("second-password", PASSWORD).await;
        browser.click("new-number-sign-up").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", &mobile[7..]).await;
        let sent = sent(&browser).await;
        assert_eq!((sent.len(), &sent[2]["sms_code"], &sent[2]["register"]), (3, &json!(code), &json!(true)));
        assert_eq!((sent[2].get("password"), sent[2].get("email_code")), (None, None));
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_still_belongs_to_an_account_says_what_to_do() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let person = site.register().await;
        let browser = refusing(&site, setup, "!body.password").await;
        fill_code(&browser, &site, &person.mobile).await;
        browser.submit("by-sms").await;
        browser.click("new-number-sign-up").await;
        browser.status_says("new-number", if setup.english { "another number" } else { "换一个号码" }).await;
        browser.until("document.activeElement.id === 'new-number-sign-up'").await;
        look(&browser, if setup.english { "number-in-use-en" } else { "number-in-use" }).await;
        // The code is still good for the owner.
        browser.fill("second-password", PASSWORD).await;
        browser.submit("by-sms").await;
        browser.at("/users").await;
        browser.says("nickname-item-value", "小明").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_another_number_nothing_is_asked_and_nothing_offered() {
    let site = Site::with_settings(&[]).await;
    let browser = refusing(&site, SETUPS[0], "true").await;
    let mobile = new_mobile();
    fill_code(&browser, &site, &mobile).await;
    browser.submit("by-sms").await;
    browser.fill("second-password", PASSWORD).await;
    browser.fill("mobile", &new_mobile()).await;
    browser.until("!document.getElementById('second-proof').checkVisibility()").await;
    browser.until("!document.getElementById('new-number').checkVisibility()").await;
    assert_eq!(browser.js("return document.getElementById('second-password').value").await, "");
    browser.fill("mobile", &mobile).await;
    browser.submit("by-sms").await;
    browser.see("new-number").await;
    assert_eq!(sent(&browser).await[1].get("password"), None);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_of_a_number_not_confirmed_for_long_says_so_and_where_a_new_owner_goes() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let (person, _) = site.register_with_email().await;
        site.advance(200 * DAY).await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/forget_pwd/").await;
        browser.fill("mobile", &person.mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        browser.fill("code", &site.code_for(&person.mobile).await).await;
        browser.fill("password", NEW_PASSWORD).await;
        browser.submit("forgotten").await;
        browser
            .says("second-proof-text", if setup.english { "confirmed for a long time" } else { "很久没有确认" })
            .await;
        browser.until("document.activeElement.id === 'second-proof-text'").await;
        look(&browser, if setup.english { "forgotten-second-proof-en" } else { "forgotten-second-proof" }).await;
        browser.click("to-sms-log-in").await;
        browser.at("/login").await;
        browser.see("by-sms").await;
        assert_eq!(browser.js("return document.getElementById('mobile').value").await, person.mobile.as_str());
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_unproved_and_unused_for_half_a_year_goes_to_its_next_owner_and_stays_the_returning_owner_s() {
    for (setup, returns) in SETUPS.into_iter().zip([false, true]) {
        let site = Site::with_settings(&[]).await;
        let person = site.register().await;
        site.advance(181 * DAY).await;
        let browser = Browser::start(&site.base_url, setup).await;
        fill_code(&browser, &site, &person.mobile).await;
        browser.submit("by-sms").await;
        browser.see("second-proof").await;
        if returns {
            browser.fill("second-password", PASSWORD).await;
            browser.submit("by-sms").await;
        } else {
            browser.click("new-number-sign-up").await;
        }
        browser.at("/users").await;
        browser.says("nickname-item-value", if returns { "小明" } else { &person.mobile[7..] }).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_not_proved_for_three_months_takes_more_than_a_code_and_makes_no_new_account() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    site.advance(91 * DAY).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    fill_code(&browser, &site, &person.mobile).await;
    browser.submit("by-sms").await;
    browser.see("second-proof").await;
    browser.click("new-number-sign-up").await;
    browser.status_says("new-number", "仍属于一个账号").await;
    browser.fill("second-code", &site.code_for(&email).await).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.says("nickname-item-value", "小明").await;
    browser.close().await;
}
