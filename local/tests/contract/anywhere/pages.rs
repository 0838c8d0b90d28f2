//! The paths and the headers of the pages.

use reqwest::Method;

use crate::site::{Site, read};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_served_under_a_strict_policy() {
    let site = Site::any().await;
    for path in [
        "/",
        "/login",
        "/login/",
        "/user/login",
        "/register",
        "/user/register",
        "/find_password",
        "/reset_password?access_token=x",
        "/secure",
        "/forget_pwd/",
        "/users",
    ] {
        let page = site.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        let cached = if path.starts_with("/forget_pwd") { "no-store" } else { "no-cache" };
        assert_eq!(page.header("cache-control"), Some(cached), "{path}");
        assert_eq!(page.header("set-cookie").is_some(), path.starts_with("/forget_pwd"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_kept_for_ever_by_the_hash_in_their_address() {
    let site = Site::any().await;
    let page = site.get("/login").await.text;
    let address = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".css")).unwrap();
    let style = site.get(address).await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let gzip = site.request(Method::GET, address).header("accept-encoding", "br, gzip;q=0.8").send().await.unwrap();
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    assert!(gzip.bytes().await.unwrap().len() < style.text.len() / 2);
    let none = read(site.request(Method::GET, address).header("accept-encoding", "gzip;q=0")).await;
    assert_eq!((none.header("content-encoding"), none.text.as_str()), (None, style.text.as_str()));
    // A page from before a deployment gets the present file, which must not be cached under the old address.
    let older = site.get("/assets/0000000000000000/style.css").await;
    assert_eq!((older.status, older.header("cache-control")), (200, Some("no-store")));
    for unknown in ["/assets/x/y.css", "/assets/x/..%2fCargo.toml", "/assets/style.css"] {
        assert_eq!(site.get(unknown).await.status, 404, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_speaks_the_language_that_was_chosen_then_the_browser_s() {
    let site = Site::any().await;
    let title = async |cookie: &str, accept: &str| {
        let request = site.request(Method::GET, "/login").header("cookie", cookie).header("accept-language", accept);
        let page = read(request).await.text;
        page.split("<title>").nth(1).unwrap().split(" · ").next().unwrap().to_owned()
    };
    assert_eq!(title("", "zh-CN,zh;q=0.9,en;q=0.8").await, "登录");
    assert_eq!(title("", "en-US,en;q=0.9").await, "Sign in");
    assert_eq!(title("", "fr").await, "登录", "Chinese first");
    assert_eq!(title("lang=zh", "en").await, "登录");
    assert_eq!(title("lang=en", "zh-CN").await, "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_page_or_a_document_answers_as_get_does_without_a_body() {
    let site = Site::any().await;
    let home = site.get("/").await.text;
    let file = home.split('"').find(|part| part.starts_with("/assets/")).unwrap();
    let pages =
        ["/", "/login", "/login/", "/user/login/", "/register", "/find_password", "/reset_password?access_token=x"];
    let documents = ["jwks.json", "openid-configuration", "oauth-authorization-server/"];
    let documents = documents.map(|name| format!("/.well-known/{name}"));
    let more = ["/secure", "/forget_pwd/", "/users/", file, "/assets/x/nothing.css"];
    for path in pages.into_iter().chain(more).chain(documents.iter().map(String::as_str)) {
        let (get, head) = (site.get(path).await, read(site.request(Method::HEAD, path)).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        let names = |answer: &crate::site::Answer| {
            let names = answer.headers.keys().map(|name| name.as_str().to_owned());
            let mut names: Vec<_> =
                names.filter(|name| !["content-length", "transfer-encoding"].contains(&&**name)).collect();
            names.sort();
            names
        };
        assert_eq!(names(&head), names(&get), "{path}");
        // A gateway may omit this header.
        let length = head.header("content-length");
        assert!(length.is_none() || length == get.header("content-length"), "{path}: {length:?}");
        for name in ["content-type", "cache-control", "content-security-policy", "vary", "x-error-code"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    // HEAD is refused on the other paths.
    for path in
        ["/users/me/", "/users/captcha/", "/users/find/password/?email=a@example.com", "/users/sms/13800000000/"]
    {
        let head = read(site.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.header("x-error-code")), (405, Some("method_not_allowed")), "{path}");
    }
}

pub const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_a_page_to_a_browser_and_json_to_a_program() {
    let site = Site::any().await;
    let home = site.get("/").await;
    for (method, path, status, code) in [
        (Method::GET, "/no/such/page", 404, "not_found"),
        (Method::GET, "/logins/", 404, "not_found"),
        (Method::POST, "/no-such-page", 404, "not_found"),
        // This is an address of the API opened in the address bar.
        (Method::GET, "/users/login/", 405, "method_not_allowed"),
        (Method::POST, "/login", 405, "method_not_allowed"),
    ] {
        let ask = |accept: &'static str| {
            let request = site.request(method.clone(), path).header("accept", accept);
            async { read(request).await }
        };
        let page = ask(BROWSER).await;
        assert_eq!((page.status, page.header("x-error-code")), (status, Some(code)), "{path}: {page:?}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains("找不到页面") && page.text.contains("href=\"/\""), "{path}: {}", page.text);
        // The page has the same security headers as every page.
        for name in ["referrer-policy", "permissions-policy", "x-content-type-options", "cross-origin-opener-policy"] {
            assert!(page.header(name).is_some() && page.header(name) == home.header(name), "{path}: {name}");
        }
        // There is no captcha here, so the policy is stricter than on other pages.
        let policy = page.header("content-security-policy").unwrap();
        for part in
            ["default-src 'none'; script-src 'self'; style-src 'self';", "frame-src 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert_eq!(page.header("vary"), Some("Accept, Accept-Language, Cookie, Accept-Encoding"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.header("allow").is_some(), status == 405, "{path}");
        for accept in ["*/*", "application/json, text/javascript, */*; q=0.01", "application/json, text/plain, */*"] {
            let json = ask(accept).await;
            json.is_refused(status, code);
            assert_eq!(json.header("vary"), Some("Accept, Accept-Language"), "{path}");
        }
    }
    // Without an `Accept` header the answer is JSON. HEAD gets the same headers without a body.
    site.get("/no/such/page").await.is_refused(404, "not_found");
    let head = read(site.request(Method::HEAD, "/no/such/page").header("accept", BROWSER)).await;
    assert_eq!((head.status, head.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert_eq!((head.text.as_str(), head.header("x-error-code")), ("", Some("not_found")));
    let head = read(site.request(Method::HEAD, "/no/such/page")).await;
    assert_eq!(head.header("content-type"), Some("application/json; charset=utf-8"));
}
