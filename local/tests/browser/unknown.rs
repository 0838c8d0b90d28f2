//! An address without a page.

use crate::browser::{Browser, SETUPS};
use crate::pictures::look;
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_says_so_kindly_and_leads_home() {
    let site = Site::with_settings(&[]).await;
    for setup in SETUPS {
        let browser = Browser::start(&site.base_url, setup).await;
        let (title, switched) =
            if setup.english { ("Page not found", "找不到页面") } else { ("找不到页面", "Page not found") };
        // A mistyped address, and an address of the API.
        for path in ["/logn", "/users/login/"] {
            browser.open(path).await;
            browser.until(&format!("document.querySelector('main h1').textContent === '{title}'")).await;
            browser.until(&format!("document.title.startsWith('{title}')")).await;
        }
        browser.click("language").await;
        browser.until(&format!("document.querySelector('main h1')?.textContent === '{switched}'")).await;
        browser.click("language").await;
        browser.until(&format!("document.querySelector('main h1')?.textContent === '{title}'")).await;
        browser.js("document.querySelector('main a').click()").await;
        browser.at("/").await;
        browser.open("/logn").await;
        look(&browser, if setup.english { "unknown-en" } else { "unknown" }).await;
        browser.close().await;
    }
}
