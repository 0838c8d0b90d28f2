//! The banners above the account: what its owner has to know, or is asked.

use serde_json::{Value, json};

use crate::browser::{Browser, SETUPS, Setup};
use crate::pictures::look;
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, new_mobile, other_code};

const BANNERS: [&str; 5] = ["guessed", "recovery", "no-mobile", "no-way-back", "number"];

/// Adds fields to every answer that shows the account, as a server would answer. `FIELDS` is an expression.
const SERVER: &str = "{ const send = window.fetch;
    window.fetch = async (path, init) => {
        const answer = await send(path, init);
        if (String(path) !== '/users/me/' || !answer.ok || answer.status === 204) return answer;
        const body = { ...await answer.json(), ...(FIELDS) };
        return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
    }; }";

async fn signed_in(setup: Setup) -> (Site, Person, Browser) {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, setup).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    (site, person, browser)
}

/// Opens the account page as it is with these fields. Returns the name by which they are taken back.
async fn open_with(browser: &Browser, fields: &str) -> Value {
    let name = browser.before_scripts(&SERVER.replace("FIELDS", fields)).await;
    browser.open("/users").await;
    browser.see("devices").await;
    name
}

/// Returns the names of the visible banners.
async fn shown(browser: &Browser) -> Vec<&'static str> {
    let mut shown = Vec::new();
    for name in BANNERS {
        if browser.js(&format!("return document.getElementById('{name}-banner').checkVisibility()")).await == true {
            shown.push(name);
        }
    }
    shown
}

/// Presses the button of a banner that opens this row.
async fn open_by(browser: &Browser, banner: &str, row: &str) {
    browser.see(&format!("{banner}-banner")).await;
    browser.js(&format!("document.querySelector('#{banner}-banner [data-opens={row}]').click()")).await;
    browser.until(&format!("document.getElementById('{row}-item').open")).await;
    browser.until(&format!("document.activeElement.closest('details')?.id === '{row}-item'")).await;
}

/// Returns an expression for the time as many days ago.
fn days_ago(days: u32) -> String {
    format!("new Date(Date.now() - {days} * 86_400_000).toISOString()")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_account_has_no_banner() {
    let (_site, _, browser) = signed_in(SETUPS[0]).await;
    assert!(shown(&browser).await.is_empty());
    open_with(&browser, &format!("{{ guessed_at: null, pending_recovery: null, mobile_proved_at: {} }}", days_ago(59)))
        .await;
    assert!(shown(&browser).await.is_empty());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_strangers_are_told_until_the_password_is_changed() {
    for setup in SETUPS {
        let (_site, _, browser) = signed_in(setup).await;
        let fields =
            "sessionStorage.getItem('changed') ? { guessed_at: null } : { guessed_at: '2026-03-04T05:06:07Z' }";
        open_with(&browser, fields).await;
        assert_eq!(shown(&browser).await, ["guessed"]);
        browser.says("guessed-text", if setup.english { "many wrong passwords" } else { "连续多次输错" }).await;
        browser.says("guessed-text", "2026").await;
        look(&browser, if setup.english { "banner-guessed-en" } else { "banner-guessed" }).await;
        open_by(&browser, "guessed", "password").await;
        browser.fill("new-password", NEW_PASSWORD).await;
        browser.js("sessionStorage.setItem('changed', '1')").await;
        let place = "return Math.round(document.getElementById('password-item-summary').getBoundingClientRect().top)";
        let before = browser.js(place).await.as_i64().unwrap();
        browser.submit("password-form").await;
        browser.says("password-item-saved", if setup.english { "Saved" } else { "已保存" }).await;
        browser.until("!document.getElementById('guessed-banner').checkVisibility()").await;
        // It was above the row that the person is at. The row is still on the screen.
        let after = browser.js(place).await.as_i64().unwrap();
        assert!((0..740).contains(&after), "from {before} to {after}");
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_only_a_number_opens_is_asked_for_a_password_or_an_email() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let mobile = new_mobile();
        let browser = Browser::start(&site.base_url, setup).await;
        browser.open("/login?by=sms").await;
        browser.fill("mobile", &mobile).await;
        browser.click("consent").await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        browser.fill("code", &site.code_for(&mobile).await).await;
        browser.submit("by-sms").await;
        browser.at("/users").await;
        browser.see("devices").await;
        assert_eq!(shown(&browser).await, ["no-way-back"]);
        look(&browser, if setup.english { "banner-no-way-back-en" } else { "banner-no-way-back" }).await;
        open_by(&browser, "no-way-back", "email").await;
        open_by(&browser, "no-way-back", "password").await;
        browser.until("document.activeElement.id === 'new-password'").await;
        browser.fill("new-password", PASSWORD).await;
        browser.submit("password-form").await;
        browser.says("password-item-value", if setup.english { "Set" } else { "已设置" }).await;
        browser.until("!document.getElementById('no-way-back-banner').checkVisibility()").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_recovery_is_told_with_its_times_and_ended_by_signing_out_everywhere() {
    for setup in SETUPS {
        let (_site, _, browser) = signed_in(setup).await;
        let recovery = json!({ "pending_recovery": {
            "asked_at": "2026-03-04T05:06:07Z", "until": "2026-03-11T05:06:07Z",
            "device": "Safari · iPhone <b>", "network": "1.2.3.0/24",
        } });
        open_with(&browser, &recovery.to_string()).await;
        assert_eq!(shown(&browser).await, ["recovery"]);
        browser.says("recovery-text", "Safari · iPhone <b> · 1.2.3.0/24").await;
        let told = browser.js("return document.getElementById('recovery-text').textContent").await;
        let days =
            if setup.english { ["Mar 4, 2026", "Mar 11, 2026"] } else { ["2026年3月4日", "2026年3月11日"] };
        assert!(days.iter().all(|day| told.as_str().unwrap().contains(day)), "{told}");
        look(&browser, if setup.english { "banner-recovery-en" } else { "banner-recovery" }).await;
        open_by(&browser, "recovery", "password").await;
        browser.set_offline(true).await;
        browser.click("recovery-sign-out-all").await;
        browser.until("document.getElementById('account-status').textContent").await;
        browser.set_offline(false).await;
        browser.click("recovery-sign-out-all").await;
        browser.at("/login").await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_from_nowhere_known_is_told_too() {
    let (_site, _, browser) = signed_in(SETUPS[0]).await;
    let times = json!({ "asked_at": "2026-03-04T05:06:07Z", "until": "2026-03-11T05:06:07Z" });
    open_with(&browser, &json!({ "pending_recovery": times }).to_string()).await;
    browser.says("recovery-text", "申请找回您的账号。从").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_number_went_to_the_next_owner_asks_for_a_new_one() {
    for setup in SETUPS {
        let (_site, _, browser) = signed_in(setup).await;
        open_with(&browser, &format!("{{ mobile: null, mobile_proved_at: {} }}", days_ago(100))).await;
        assert_eq!(shown(&browser).await, ["no-mobile"]);
        browser.says("mobile-item-value", if setup.english { "Not set" } else { "未设置" }).await;
        look(&browser, if setup.english { "banner-no-mobile-en" } else { "banner-no-mobile" }).await;
        open_by(&browser, "no-mobile", "mobile").await;
        // There is no number that a code could go to.
        browser.js("sessionStorage.removeItem('reauthentication')").await;
        browser.open("/users").await;
        open_by(&browser, "no-mobile", "mobile").await;
        browser.until("document.activeElement.id === 'mobile-proof-password'").await;
        let others = "return [...document.querySelectorAll('#mobile-proof [data-other]')].every((one) => one.hidden)";
        assert_eq!(browser.js(others).await, true);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_not_proved_for_long_is_asked_about_once_for_each_date() {
    let (_site, _, browser) = signed_in(SETUPS[0]).await;
    let old = open_with(&browser, "{ mobile_proved_at: '2021-01-02T03:04:05Z' }").await;
    browser.js("document.activeElement.blur()").await;
    assert_eq!(shown(&browser).await, ["number"]);
    browser.says("number-text", "2021年1月2日").await;
    look(&browser, "banner-number").await;
    browser.click("number-later").await;
    browser.until("!document.getElementById('number-banner').checkVisibility()").await;
    browser.until("document.activeElement.id === 'main'").await;
    browser.open("/users").await;
    browser.see("devices").await;
    assert!(shown(&browser).await.is_empty(), "it was answered");
    let kept = browser.js("return JSON.stringify(localStorage)").await;
    assert!(kept.as_str().unwrap().contains("number-asked-") && !kept.as_str().unwrap().contains("2021"), "{kept}");

    // A later proof that is old in its turn is another question.
    browser.without(old).await;
    let next = open_with(&browser, "{ mobile_proved_at: '2021-02-02T03:04:05Z' }").await;
    assert_eq!(shown(&browser).await, ["number"]);
    browser.click("number-no").await;
    browser.until("document.getElementById('mobile-item').open").await;
    browser.until("document.activeElement.id === 'mobile'").await;
    browser.open("/users").await;
    browser.see("devices").await;
    assert!(shown(&browser).await.is_empty());

    // Another account in the same browser is asked for itself.
    browser.without(next).await;
    open_with(&browser, "{ mobile_proved_at: '2021-02-02T03:04:05Z', id: 'another' }").await;
    assert_eq!(shown(&browser).await, ["number"]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_confirmed_by_a_code_and_a_reload_in_between_loses_nothing() {
    for setup in SETUPS {
        let (site, person, browser) = signed_in(setup).await;
        browser.js("sessionStorage.removeItem('reauthentication')").await;
        open_with(&browser, "{ mobile_proved_at: '2021-01-02T03:04:05Z' }").await;
        site.advance(61).await;
        browser.click("number-yes").await;
        browser.until("document.getElementById('number-code-send-live').textContent").await;
        browser.until("document.activeElement.id === 'number-code'").await;
        let code = site.code_for(&person.mobile).await;
        look(&browser, if setup.english { "banner-number-code-en" } else { "banner-number-code" }).await;
        browser.open("/users").await;
        browser.fill("number-code", &other_code(&code)).await;
        browser.submit("number-form").await;
        browser.says("number-code-error", if setup.english { "Wrong code" } else { "验证码错误" }).await;
        browser.fill("number-code", &code).await;
        browser.submit("number-form").await;
        browser.says("number-text", if setup.english { "is confirmed" } else { "已确认" }).await;
        browser.until("document.activeElement.id === 'number-text'").await;
        browser.until("!document.getElementById('number-form').checkVisibility()").await;
        // The code was a proof, so no row asks for another.
        browser.open_row("export-item").await;
        browser.submit("export-form").await;
        browser.says("export-item-saved", if setup.english { "Downloaded" } else { "已下载" }).await;
        browser.open("/users").await;
        browser.see("devices").await;
        assert!(shown(&browser).await.is_empty());
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn banners_come_with_the_account_and_move_nothing_after_it() {
    let (_site, _, browser) = signed_in(SETUPS[0]).await;
    let all = "{ guessed_at: '2026-03-04T05:06:07Z', mobile_proved_at: '2021-01-02T03:04:05Z', has_password: false,
        pending_recovery: { asked_at: '2026-03-04T05:06:07Z', until: '2026-03-11T05:06:07Z', device: 'Chrome', network: null } }";
    let watch = "new MutationObserver(() => {
            const account = document.getElementById('account');
            if (!account || account.hidden || window.first) return;
            window.first = ['guessed', 'recovery', 'no-way-back', 'number'].map((name) => document.getElementById(`${name}-banner`).checkVisibility());
        }).observe(document, { subtree: true, childList: true, attributes: true })";
    browser.before_scripts(watch).await;
    open_with(&browser, all).await;
    assert_eq!(browser.js("return window.first").await, json!([true, true, true, true]));
    assert_eq!(browser.js("return document.getElementById('banners').getAttribute('role')").await, "status");
    look(&browser, "banners").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_asks_about_a_number_after_two_months_and_a_code_settles_it() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    site.advance(61 * 86_400).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.before_scripts("const now = Date.now; Date.now = () => now() + 61 * 86_400_000").await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    assert_eq!(shown(&browser).await, ["number"]);
    browser.click("number-yes").await;
    browser.until("document.getElementById('number-code-send-live').textContent").await;
    browser.fill("number-code", &site.code_for(&person.mobile).await).await;
    browser.submit("number-form").await;
    browser.says("number-text", "已确认").await;
    browser.js("localStorage.clear()").await;
    browser.open("/users").await;
    browser.see("devices").await;
    assert!(shown(&browser).await.is_empty(), "the server has another date");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_of_guesses_until_the_password_is_changed() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    for _ in 0..33 {
        let guess = json!({ "username": person.mobile, "password": "wrong password" });
        site.post("/users/login/", &guess).await;
        // From the fifth wrong password on, the next attempt has to wait.
        site.advance(901).await;
    }
    browser.sign_in(&person.mobile, PASSWORD).await;
    assert_eq!(shown(&browser).await, ["guessed"]);
    open_by(&browser, "guessed", "password").await;
    browser.fill("new-password", NEW_PASSWORD).await;
    browser.submit("password-form").await;
    browser.says("password-item-saved", "已保存").await;
    browser.until("!document.getElementById('guessed-banner').checkVisibility()").await;
    browser.close().await;
}
