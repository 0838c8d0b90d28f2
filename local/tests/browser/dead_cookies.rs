//! An operation that ends every session of an account also removes the session cookie of the browser it is requested
//! from. No script could do that.

use crate::browser::{Browser, SETUPS};
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site};

async fn has_session(browser: &Browser) -> bool {
    let cookies = browser.driver().get_all_cookies().await.unwrap();
    cookies.iter().any(|cookie| cookie.name == "refresh_token" && !cookie.value.is_empty())
}

async fn sign_in(browser: &Browser, person: &Person, password: &str) {
    browser.sign_in(&person.mobile, password).await;
    assert!(has_session(browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_ends_every_session_takes_its_browser_s_cookie_away() {
    let site = Site::with_settings(&[]).await;
    let (person, email) = site.register_with_email().await;
    let browser = Browser::start(&site.base_url, SETUPS[0]).await;

    sign_in(&browser, &person, PASSWORD).await;
    site.advance(61).await;
    browser.open("/forget_pwd/").await;
    browser.fill("mobile", &person.mobile).await;
    browser.click("code-send").await;
    browser.until("document.getElementById('code-send-live').textContent").await;
    browser.fill("code", &site.code_for(&person.mobile).await).await;
    browser.fill("password", NEW_PASSWORD).await;
    browser.submit("forgotten").await;
    browser.see("done").await;
    assert!(!has_session(&browser).await, "after a reset by SMS");

    sign_in(&browser, &person, NEW_PASSWORD).await;
    browser.open("/find_password").await;
    browser.fill("email", &email).await;
    browser.submit("find").await;
    browser.says("sent-to", &email).await;
    browser.open(&format!("/reset_password?access_token={}", site.link_for(&email).await)).await;
    browser.says("whose", &email).await;
    browser.fill("password", PASSWORD).await;
    browser.fill("password2", PASSWORD).await;
    browser.submit("reset").await;
    browser.see("done").await;
    assert!(!has_session(&browser).await, "after a reset by mail");

    sign_in(&browser, &person, PASSWORD).await;
    let told = site.messages_to(&format!("+86{}", person.mobile)).await;
    let notice = told.iter().filter_map(|message| message["text"].as_str()).find(|text| text.contains("/secure#"));
    let link = notice.and_then(|text| text.split_whitespace().find(|word| word.contains("/secure#")));
    browser.open(link.expect("a notice has a link")).await;
    browser.submit("secure").await;
    browser.says("secured-text", "所有设备已退出登录").await;
    assert!(!has_session(&browser).await, "after “this wasn't me”");
    browser.close().await;
}
