//! Pages that are left open, opened twice, or restored as they were left, and clocks that are corrected in the
//! meantime.

use serde_json::json;

use crate::browser::{Browser, SETUPS};
use crate::site::{NEW_PASSWORD, PASSWORD, Site, new_mobile};

const DAY: u32 = 86_400;

async fn site() -> Site {
    Site::with_settings(&[]).await
}

/// Requests a code to sign in.
async fn ask_for_code(browser: &Browser, mobile: &str) {
    browser.open("/login?by=sms").await;
    browser.click("consent").await;
    browser.fill("mobile", mobile).await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_left_open_for_a_day_still_sets_a_password() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.open("/forget_pwd/").await;
    site.advance(DAY + 3600).await;
    browser.fill("mobile", &person.mobile).await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&person.mobile).await).await;
    browser.fill("password", NEW_PASSWORD).await;
    browser.submit("forgotten").await;
    browser.see("done").await;
    let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(site.post("/users/login/", &body).await.status, 200);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_asked_for_in_one_tab_is_good_in_another() {
    for setup in SETUPS {
        let site = site().await;
        let person = site.register().await;
        site.advance(61).await;
        let browser = Browser::start(&site.base_url, setup).await;
        ask_for_code(&browser, &person.mobile).await;
        let stored = browser.js("return JSON.stringify(localStorage) + JSON.stringify(sessionStorage)").await;
        assert!(stored.as_str().unwrap().contains("code-login"), "{stored}");
        assert!(!stored.as_str().unwrap().contains(&person.mobile), "a number is no trace to leave: {stored}");
        let first = browser.driver().window().await.unwrap();
        let second = browser.driver().new_tab().await.unwrap();
        browser.driver().switch_to_window(second).await.unwrap();
        browser.open("/login?by=sms").await;
        browser.click("consent").await;
        browser.fill("mobile", &person.mobile).await;
        // This tab waits just as the other one does.
        browser.until("document.getElementById('code-send').disabled").await;
        browser.fill("code", &site.code_for(&person.mobile).await).await;
        browser.submit("by-sms").await;
        browser.at("/users").await;
        let left = browser.js("return Object.keys(localStorage).filter((key) => key.includes('code'))").await;
        assert_eq!(left, json!([]), "a code that was used leaves nothing");
        browser.driver().switch_to_window(first).await.unwrap();
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tabs_share_is_removed_when_its_time_is_over() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    ask_for_code(&browser, &new_mobile()).await;
    let keys = "return Object.keys(localStorage).filter((key) => key.startsWith('for-a-while')).length";
    browser.open("/").await;
    assert_eq!(browser.js(keys).await, 2);
    let later = browser.before_scripts("const now = Date.now; Date.now = () => now() + 601_000;").await;
    // Any page of the site removes expired keys when it is opened.
    browser.open("/find_password").await;
    assert_eq!(browser.js(keys).await, 0);
    browser.without(later).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_shows_nobody_who_has_signed_out() {
    for page in ["/", "/users"] {
        let site = site().await;
        let person = site.register().await;
        let browser = Browser::start(&site.base_url, SETUPS[0]).await;
        browser.sign_in(&person.mobile, PASSWORD).await;
        browser.open(page).await;
        browser.until("document.body.innerText.includes('小明')").await;
        // The session has ended meanwhile. The page that ended it told this page nothing.
        browser
            .js("return fetch('/users/logout/', { method: 'POST', body: '{}', headers: { 'X-Session': 'cookie', 'Content-Type': 'application/json' } })
                .then(() => { document.cookie = 'signed_in=; Path=/; Max-Age=0'; })")
            .await;
        browser.js("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))").await;
        browser.until("!document.body.innerText.includes('小明') && document.readyState === 'complete'").await;
        if page == "/" {
            browser.see("signed-out").await;
        } else {
            browser.at("/login").await;
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_s_own_back_shows_nobody_who_has_signed_out() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    browser.open("/").await;
    browser.says("welcome", "小明").await;
    browser.js("document.querySelector('#signed-in a').click()").await;
    browser.at("/users").await;
    browser.click("sign-out").await;
    browser.at("/login").await;
    browser.driver().back().await.unwrap();
    browser.at("/").await;
    browser.see("signed-out").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_in_the_background_shows_nobody_who_has_signed_out() {
    let site = site().await;
    let person = site.register().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    // In some browsers, tabs cannot talk to each other.
    browser.before_scripts("delete window.BroadcastChannel").await;
    browser.sign_in(&person.mobile, PASSWORD).await;
    let first = browser.driver().window().await.unwrap();
    let second = browser.driver().new_tab().await.unwrap();
    browser.driver().switch_to_window(second).await.unwrap();
    browser.open("/").await;
    browser.click("sign-out").await;
    browser.see("signed-out").await;
    browser.driver().switch_to_window(first).await.unwrap();
    browser.js("document.dispatchEvent(new Event('visibilitychange'))").await;
    browser.at("/login").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_right_stretches_no_wait() {
    let site = site().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    let mobile = new_mobile();
    let waits = "/^\\d\\d? 秒$/.test(document.getElementById('code-send').textContent)";
    ask_for_code(&browser, &mobile).await;
    browser.until(waits).await;
    // The clock is set back three hours during the countdown. The next second still follows.
    let before = browser.js("return document.getElementById('code-send').textContent").await;
    browser.js("const now = Date.now; Date.now = () => now() - 3 * 3_600_000").await;
    browser.until(&format!("{waits} && document.getElementById('code-send').textContent !== {before}")).await;
    // The same holds after a reload: the wait is at most a minute.
    let back = browser.before_scripts("const now = Date.now; Date.now = () => now() - 3 * 3_600_000;").await;
    browser.open("/login?by=sms").await;
    browser.fill("mobile", &mobile).await;
    browser.until(waits).await;
    browser.without(back).await;
    // A phone slept: the clock of the page stood still, and the system's clock did not.
    ask_for_code(&browser, &new_mobile()).await;
    browser.until(waits).await;
    browser.js("performance.now = () => 0; const now = Date.now; Date.now = () => now() + 3_600_000").await;
    browser.until("!document.getElementById('code-send').disabled").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_on_its_way_survives_a_clock_that_is_set_forward() {
    let site = site().await;
    let person = site.register().await;
    site.advance(61).await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;
    ask_for_code(&browser, &person.mobile).await;
    browser.js("const now = Date.now; Date.now = () => now() + 3 * 3_600_000").await;
    browser.fill("code", &site.code_for(&person.mobile).await).await;
    browser.submit("by-sms").await;
    browser.at("/users").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_before_a_change_of_the_terms_asks_for_consent_again() {
    let site = Site::with_settings(&[("TERMS_VERSION", "2"), ("PRIVACY_VERSION", "3")]).await;
    for form in ["register", "by-sms"] {
        let mobile = new_mobile();
        let browser = Browser::start(&site.base_url, SETUPS[0]).await;
        let fill = async |code: &str| {
            browser.fill("code", code).await;
            if form == "register" {
                browser.fill("nickname", "小明").await;
                browser.fill("password", PASSWORD).await;
            }
            browser.submit(form).await;
        };
        browser.open(if form == "register" { "/register" } else { "/login?by=sms" }).await;
        browser.js("document.getElementById('consent').dataset.terms = '1'").await;
        browser.click("consent").await;
        browser.fill("mobile", &mobile).await;
        browser.click("code-send").await;
        browser.until("document.getElementById('code-send-live').textContent").await;
        let code = site.code_for(&mobile).await;
        fill(&code).await;
        browser.says("consent-error", "协议已更新，请刷新页面").await;
        browser.until("!document.getElementById('consent').checked").await;
        browser.js("document.documentElement.removeAttribute('data-ready'); location.reload()").await;
        browser.until("document.documentElement.hasAttribute('data-ready')").await;
        let box_of = "const { checked, dataset } = document.getElementById('consent'); return [checked, dataset.terms]";
        assert_eq!(browser.js(box_of).await, json!([false, "2"]), "no tick is carried over to the new terms");
        browser.click("consent").await;
        browser.fill("mobile", &mobile).await;
        // The refusal was no guess at the code.
        fill(&code).await;
        browser.at("/users").await;
        browser.close().await;
    }
}
