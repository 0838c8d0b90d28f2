//! A deployment's own brand and links on the pages.

use reqwest::Method;

use crate::anywhere::pages::BROWSER;
use crate::site::{Site, read};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_unknown_address_speaks_the_language_that_was_chosen_and_shows_what_the_others_show() {
    let settings = [("BRAND", "小店"), ("TERMS_URL", "https://shop.example/terms")];
    let site = Site::with_settings(&settings).await;
    let page = async |cookie: &str, language: &str| {
        let request = site.request(Method::GET, "/no/such/page").header("accept", BROWSER);
        read(request.header("cookie", cookie).header("accept-language", language)).await
    };
    let chinese = page("", "zh-CN").await;
    assert!(chinese.text.contains("<title>找不到页面 · 小店</title>"), "{}", chinese.text);
    assert!(chinese.text.contains("https://shop.example/terms"), "{}", chinese.text);
    let english = page("", "en").await;
    assert!(english.text.contains("<title>Page not found · 小店</title>"), "{}", english.text);
    assert_eq!((english.header("content-language"), chinese.header("content-language")), (Some("en"), Some("zh-CN")));
    assert!(page("lang=en", "zh-CN").await.text.contains("Page not found"));
    // The page needs no script to be read. It loads the same stylesheet as all pages, from the same address.
    assert!(!english.text.contains("<noscript>"), "{}", english.text);
    let home = site.get("/").await.text;
    let style = home.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".css")).unwrap();
    assert!(english.text.contains(style), "{}", english.text);
}
