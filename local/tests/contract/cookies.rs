//! Cookies: the refresh token of our own pages, and the device.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Person, Site, logs, new_mobile, read, registration};

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn session_cookie(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    cookies.rfind(|cookie| cookie.starts_with("refresh_token=")).expect("a cookie of the session")
}

/// A request as our own pages send it.
fn by_cookie(site: &Site, path: &str, cookie: &str, origin: &str) -> reqwest::RequestBuilder {
    let request = site.request(Method::POST, path).header("x-session", "cookie").header("origin", origin);
    if cookie.is_empty() { request } else { request.header("cookie", cookie) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_refresh_token_is_in_a_cookie_and_nowhere_else() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let person = site.register().await;
    let own = site.base_url.clone();
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let answer = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
    assert!(answer.json().get("refresh_token").is_none(), "{answer:?}");
    let set = session_cookie(&answer);
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "Safari keeps no such cookie of http://localhost: {set}");
    let cookie = set.split(';').next().unwrap();
    // Another origin, none at all, or no cookie: nothing happens.
    for origin in ["https://evil.example", "null", ""] {
        let answer = read(by_cookie(&site, "/users/token/refresh/", cookie, origin)).await;
        answer.is_refused(403, "origin_refused");
        read(by_cookie(&site, "/users/logout/", cookie, origin)).await.is_refused(403, "origin_refused");
    }
    read(by_cookie(&site, "/users/token/refresh/", "", &own)).await.is_refused(401, "refresh_token_invalid");
    let without = site.request(Method::POST, "/users/token/refresh/").header("cookie", cookie).json(&json!({}));
    read(without).await.is_refused(400, "field_required");

    let refreshed = read(by_cookie(&site, "/users/token/refresh/", cookie, &own)).await;
    assert!(refreshed.status == 200 && refreshed.json().get("refresh_token").is_none(), "{refreshed:?}");
    let next = session_cookie(&refreshed);
    let next = next.split(';').next().unwrap();
    assert_ne!(next, cookie);
    let out = read(by_cookie(&site, "/users/logout/", next, &own)).await;
    out.is_done();
    assert!(session_cookie(&out).contains("Max-Age=0"), "{out:?}");
    site.me(text(&refreshed.json(), "token")).await.is_refused(401, "unauthorized");
    // Who does not ask to be remembered has a cookie that ends with the browser.
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let answer = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
    assert!(!session_cookie(&answer).contains("Max-Age"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_opened_as_localhost_and_as_127_0_0_1_are_both_our_own() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let person = site.register().await;
    let port = site.base_url.rsplit(':').next().unwrap();
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    for name in ["localhost", "127.0.0.1"] {
        let own = format!("http://{name}:{port}");
        let signed_in = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
        let cookie = session_cookie(&signed_in);
        let refreshed = read(by_cookie(&site, "/users/token/refresh/", cookie.split(';').next().unwrap(), &own)).await;
        assert_eq!(refreshed.status, 200, "{own}: {refreshed:?}");
        let other_port = format!("http://{name}:1");
        let refused = read(by_cookie(&site, "/users/token/refresh/", "refresh_token=x", &other_port)).await;
        refused.is_refused(403, "origin_refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_pages_are_served_by_https_their_cookies_are_for_https_and_one_host_alone() {
    let own = "https://id.example";
    let Some(site) = Site::with_settings(&[("CLIENT_HOST", own)]).await else { return };
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = read(by_cookie(&site, "/users/login/", "", own).json(&body)).await;
    let cookies: Vec<_> = signed_in.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in &cookies {
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"),
            "{cookie}"
        );
    }
    let session = cookies.iter().find(|cookie| cookie.starts_with("__Host-refresh_token=")).unwrap();
    let session = session.split(';').next().unwrap();
    assert_eq!(read(by_cookie(&site, "/users/token/refresh/", session, own)).await.status, 200);
    let refused = read(by_cookie(&site, "/users/token/refresh/", session, &site.base_url)).await;
    refused.is_refused(403, "origin_refused");
    // A browser removes a cookie of such a name only by the attributes it was set with.
    let refused = read(by_cookie(&site, "/users/token/refresh/", "__Host-refresh_token=x", own)).await;
    let removed = ["__Host-refresh_token=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0"];
    assert_eq!(set_cookies(&refused), removed, "{refused:?}");
}

/// A browser with our pages open: it asks by cookie, from our own origin, and keeps cookies as it is told.
struct Page<'a> {
    site: &'a Site,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Page<'a> {
    fn new(site: &'a Site) -> Self {
        Self { site, cookies: RefCell::default() }
    }

    /// A request with all that a page adds to it, but the origin.
    fn request(&self, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.site.request(method, path).header("x-session", "cookie").header("cookie", cookies.join("; ")).json(body)
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let request = self.request(method, path, body).header("origin", &self.site.base_url);
        let answer = read(if token.is_empty() { request } else { request.bearer_auth(token) }).await;
        for line in set_cookies(&answer) {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if line.contains("; Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Signs in by password, and gives the access token.
    async fn sign_in(&self, person: &Person) -> String {
        let body = json!({ "username": person.mobile, "password": PASSWORD });
        let answer = self.send(Method::POST, "/users/login/", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json(), "token").to_owned()
    }

    async fn refresh(&self) -> Answer {
        self.send(Method::POST, "/users/token/refresh/", "", &json!({})).await
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    fn set(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    fn is_signed_in(&self) -> bool {
        self.cookie("refresh_token").is_some()
    }
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn takes_the_cookie_away(answer: &Answer) {
    assert_eq!(set_cookies(answer), ["refresh_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"], "{answer:?}");
}

#[track_caller]
fn leaves_the_cookies_alone(answer: &Answer) {
    assert_eq!(set_cookies(answer), [""; 0], "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_takes_a_worthless_cookie_away() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    // The session was ended elsewhere.
    page.sign_in(&person).await;
    let all = site.send_as(&person.token, Method::POST, "/users/logout/", &json!({ "all": true })).await;
    all.is_done();
    let refused = page.refresh().await;
    refused.is_refused(401, "session_ended");
    takes_the_cookie_away(&refused);
    // It is none of ours.
    page.set("refresh_token", "x");
    let refused = page.refresh().await;
    refused.is_refused(401, "refresh_token_invalid");
    takes_the_cookie_away(&refused);
    // It was stolen, and came twice.
    page.sign_in(&person).await;
    let first = page.cookie("refresh_token").unwrap();
    page.refresh().await;
    site.advance(31).await;
    page.set("refresh_token", &first);
    let refused = page.refresh().await;
    refused.is_refused(401, "refresh_token_spent");
    takes_the_cookie_away(&refused);
    assert!(!page.is_signed_in());
    // The account is gone.
    let token = page.sign_in(&person).await;
    site.send_as(&token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await.is_done();
    let refused = page.refresh().await;
    refused.is_refused(401, "session_ended");
    takes_the_cookie_away(&refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_may_be_good_is_left_alone() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let token = page.sign_in(&person).await;
    let (refresh, log_out) = ("/users/token/refresh/", "/users/logout/");
    for path in [refresh, log_out] {
        for origin in ["https://evil.example", "null", ""] {
            let refused = read(page.request(Method::POST, path, &json!({})).header("origin", origin)).await;
            refused.is_refused(403, "origin_refused");
            leaves_the_cookies_alone(&refused);
        }
        // Trouble of ours says nothing about it.
        site.post("/_local/faults", &json!({ "service": "dynamodb", "kind": "error", "count": 20 })).await;
        let unavailable = page.send(Method::POST, path, "", &json!({})).await;
        unavailable.is_refused(503, "unavailable");
        assert!(unavailable.header("retry-after").is_some());
        leaves_the_cookies_alone(&unavailable);
        site.post("/_local/faults", &json!({ "service": "dynamodb", "kind": "error", "count": 0 })).await;
        // By the header alone it is sent, not asked for.
        let by_body =
            site.request(Method::POST, path).header("cookie", "refresh_token=x").header("origin", &site.base_url);
        let refused = read(by_body.json(&json!({ "refresh_token": "x" }))).await;
        refused.is_refused(401, "refresh_token_invalid");
        leaves_the_cookies_alone(&refused);
        // There is none: one that another tab receives meanwhile stays.
        let refused = Page::new(&site).send(Method::POST, path, "", &json!({})).await;
        refused.is_refused(401, "refresh_token_invalid");
        leaves_the_cookies_alone(&refused);
    }
    let expired = page.send(Method::POST, log_out, "x", &json!({ "all": true })).await;
    expired.is_refused(401, "unauthorized");
    leaves_the_cookies_alone(&expired);
    // The answer of a change of password may be about to bring the new one.
    let old = page.cookie("refresh_token").unwrap();
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    assert_eq!(page.send(Method::PUT, "/users/me/password/", &token, &body).await.status, 200);
    let new = page.cookie("refresh_token").unwrap();
    page.set("refresh_token", &old);
    let refused = page.refresh().await;
    refused.is_refused(401, "credentials_changed");
    leaves_the_cookies_alone(&refused);
    page.set("refresh_token", &new);
    assert_eq!(page.refresh().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_takes_the_cookie_away_whatever_it_holds() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let log_out = async |token: &str, body: Value| page.send(Method::POST, "/users/logout/", token, &body).await;
    page.sign_in(&person).await;
    let live = page.cookie("refresh_token").unwrap();
    let out = log_out("", json!({})).await;
    out.is_done();
    takes_the_cookie_away(&out);
    // The session is over already.
    page.set("refresh_token", &live);
    let again = log_out("", json!({})).await;
    again.is_done();
    takes_the_cookie_away(&again);
    page.set("refresh_token", "x");
    let forged = log_out("", json!({})).await;
    forged.is_refused(401, "refresh_token_invalid");
    takes_the_cookie_away(&forged);
    let token = page.sign_in(&person).await;
    let everywhere = log_out(&token, json!({ "all": true })).await;
    everywhere.is_done();
    takes_the_cookie_away(&everywhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_the_own_session_or_account_takes_the_cookie_away() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let token = page.sign_in(&person).await;
    let listed = page.send(Method::GET, "/users/me/sessions/", &token, &json!({})).await.json();
    let id = |current: bool| {
        let found = listed.as_array().unwrap().iter().find(|session| session["current"] == current).unwrap();
        text(found, "id").to_owned()
    };
    let (own, other) = (id(true), id(false));
    let end =
        async |id: &str| page.send(Method::DELETE, &format!("/users/me/sessions/{id}/"), &token, &json!({})).await;
    let ended = end(&other).await;
    ended.is_done();
    leaves_the_cookies_alone(&ended);
    let ended = end(&own).await;
    ended.is_done();
    takes_the_cookie_away(&ended);

    let token = page.sign_in(&person).await;
    let wrong = page.send(Method::DELETE, "/users/me/", &token, &json!({ "password": "wrong password" })).await;
    wrong.is_refused(400, "proof_wrong");
    leaves_the_cookies_alone(&wrong);
    // From elsewhere the account is deleted, but no cookie of ours is touched.
    let (stranger, foreign) = (site.register().await, Page::new(&site));
    let request = foreign.request(Method::DELETE, "/users/me/", &json!({ "password": PASSWORD }));
    let deleted = read(request.bearer_auth(&stranger.token).header("origin", "https://evil.example")).await;
    deleted.is_done();
    leaves_the_cookies_alone(&deleted);
    assert!(page.cookie("device").is_some());
    let deleted = page.send(Method::DELETE, "/users/me/", &token, &json!({ "password": PASSWORD })).await;
    deleted.is_done();
    assert!(page.cookies.borrow().is_empty(), "nor is the device known to an account that is gone: {deleted:?}");
}

/// The token of the "this wasn't me" link in a message to a number.
async fn secure_link(site: &Site, mobile: &str) -> String {
    let messages = site.messages_to(&format!("+86{mobile}")).await;
    let texts = messages.iter().filter_map(|message| message["text"].as_str());
    let (_, rest) = texts.into_iter().find_map(|text| text.split_once("/secure#")).expect("a notice has a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// What ends every session of an account, asked for by a page on which that account or another one is signed in.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_all_sessions_takes_the_cookie_of_one_of_them_away() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    for is_own in [true, false] {
        let ((person, email), page) = (site.register_with_email().await, Page::new(&site));
        let other = site.register().await;
        let check = |answer: &Answer| {
            assert_eq!((answer.status, answer.header("x-error-code")), (200, None), "{answer:?}");
            if is_own { takes_the_cookie_away(answer) } else { leaves_the_cookies_alone(answer) }
        };
        let sign_in = async |password: &str| {
            let body = if is_own {
                json!({ "username": person.mobile, "password": password })
            } else {
                json!({ "username": other.mobile, "password": PASSWORD })
            };
            assert_eq!(page.send(Method::POST, "/users/login/", "", &body).await.status, 200);
        };
        sign_in(PASSWORD).await;
        site.post("/forget_pwd/sms_code/", &json!({ "mobile": person.mobile })).await;
        let (code, csrf) = (site.code_for(&person.mobile).await, site.csrf().await);
        page.set("csrf_token", &csrf);
        let body = json!({ "mobile": person.mobile, "sms_code": code, "new_password": NEW_PASSWORD });
        let reset = page.request(Method::POST, "/forget_pwd/", &body).header("x-csrftoken", &csrf);
        check(&read(reset.header("origin", &site.base_url)).await);

        sign_in(NEW_PASSWORD).await;
        site.advance(61).await;
        site.post("/users/find/password/email/", &json!({ "email": email })).await;
        let link = site.link_for(&email).await;
        let body = json!({ "access_token": link, "password": PASSWORD, "password2": PASSWORD });
        check(&page.send(Method::PUT, "/users/find/password/", "", &body).await);

        sign_in(PASSWORD).await;
        let body = json!({ "token": secure_link(&site, &person.mobile).await });
        check(&page.send(Method::POST, "/users/secure/", "", &body).await);
        assert_eq!(page.refresh().await.status, if is_own { 401 } else { 200 });
    }
}

/// B1, C9 and B3, the last for a new account.
async fn each_sign_in(site: &Site, person: &Person) -> [(&'static str, Value); 3] {
    let asked = site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let code = site.code_for(&person.mobile).await;
    let new = new_mobile();
    let code_of_new = site.sms_code(&new).await;
    [
        ("/users/login/", json!({ "username": person.mobile, "password": PASSWORD })),
        ("/users/sms_login/", json!({ "mobile": person.mobile, "sms_code": code })),
        ("/users/", registration(&new, &code_of_new)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_ends_the_session_that_the_browser_had() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, other) = (site.register().await, site.register().await);
    // The same account, and another one.
    for before in [&person, &other] {
        site.advance(61).await;
        for (path, body) in each_sign_in(&site, &person).await {
            let page = Page::new(&site);
            let former = page.sign_in(before).await;
            let former_cookie = page.cookie("refresh_token").unwrap();
            let answer = page.send(Method::POST, path, "", &body).await;
            assert!(answer.status < 300, "{path}: {answer:?}");
            site.me(&former).await.is_refused(401, "unauthorized");
            assert_eq!(site.me(text(&answer.json(), "token")).await.status, 200, "{path}");
            assert_eq!(page.refresh().await.status, 200, "{path}");
            page.set("refresh_token", &former_cookie);
            page.refresh().await.is_refused(401, "session_ended");
            assert_eq!(site.me(&before.token).await.status, 200, "{path}: other browsers stay signed in");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_with_a_rotated_or_replaced_cookie_ends_its_session_without_an_alarm() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    page.sign_in(&person).await;
    let rotated = page.cookie("refresh_token").unwrap();
    page.refresh().await;
    site.advance(31).await;
    let former = text(&page.refresh().await.json(), "token").to_owned();
    page.set("refresh_token", &rotated);
    let token = page.sign_in(&person).await;
    site.me(&former).await.is_refused(401, "unauthorized");
    // The answer of a change of password was lost; the person signs in with the new one.
    let replaced = page.cookie("refresh_token").unwrap();
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = page.send(Method::PUT, "/users/me/password/", &token, &body).await;
    page.set("refresh_token", &replaced);
    page.refresh().await.is_refused(401, "credentials_changed");
    let body = json!({ "username": person.mobile, "password": NEW_PASSWORD });
    assert_eq!(page.send(Method::POST, "/users/login/", "", &body).await.status, 200);
    site.me(text(&changed.json(), "token")).await.is_refused(401, "unauthorized");
    assert!(logs::lines_about(&person.id).iter().all(|line| !line.contains("refresh_token_reused")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_or_comes_from_elsewhere_ends_nothing() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let former = page.sign_in(&person).await;
    let cookie = page.cookie("refresh_token").unwrap();
    let wrong = json!({ "username": person.mobile, "password": "wrong password" });
    let refused = page.send(Method::POST, "/users/login/", "", &wrong).await;
    assert_eq!(refused.header("x-error-code"), Some("bad_credentials"));
    leaves_the_cookies_alone(&refused);
    assert_eq!(site.me(&former).await.status, 200);
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let log_in = || page.request(Method::POST, "/users/login/", &body);
    let without_header =
        site.request(Method::POST, "/users/login/").header("cookie", format!("refresh_token={cookie}"));
    for (case, request) in [
        ("no origin", log_in()),
        ("another origin", log_in().header("origin", "https://evil.example")),
        ("no header", without_header.header("origin", &site.base_url).json(&body)),
    ] {
        assert_eq!(read(request).await.status, 200, "{case}");
        assert_eq!(site.me(&former).await.status, 200, "{case}");
    }
    // A cookie that is not ours, or of a session that is over, keeps nobody from signing in.
    for made_up in ["x".to_owned(), format!("{cookie}x"), cookie.replacen('.', ".e", 1), String::new()] {
        page.set("refresh_token", &made_up);
        page.sign_in(&person).await;
        assert_eq!(site.me(&former).await.status, 200, "{made_up}");
    }
    for _ in 0..2 {
        page.set("refresh_token", &cookie);
        page.sign_in(&person).await;
        site.me(&former).await.is_refused(401, "unauthorized");
    }
    let (stranger, gone) = (site.register().await, Page::new(&site));
    let token = gone.sign_in(&stranger).await;
    let cookie = gone.cookie("refresh_token").unwrap();
    gone.send(Method::DELETE, "/users/me/", &token, &json!({ "password": PASSWORD })).await.is_done();
    gone.set("refresh_token", &cookie);
    gone.sign_in(&person).await;
    assert_eq!(gone.refresh().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_session_may_be_the_one_that_makes_room() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let count = async |token: &str| {
        let listed = site.send_as(token, Method::GET, "/users/me/sessions/", &json!({})).await;
        listed.json().as_array().unwrap().len()
    };
    // It is the oldest of twenty, which would end in any case.
    site.advance(1).await;
    page.sign_in(&person).await;
    for _ in 0..19 {
        site.advance(1).await;
        site.log_in(&person.mobile).await;
    }
    let token = page.sign_in(&person).await;
    assert_eq!(count(&token).await, 20);
    // It has expired, and would be removed in any case.
    site.advance(31 * 86_400).await;
    let token = page.sign_in(&person).await;
    assert_eq!(count(&token).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_cookies_do_nothing_by_get_or_head() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let token = page.sign_in(&person).await;
    let cookie = page.cookie("refresh_token");
    for path in ["/users/token/refresh/", "/users/logout/", "/users/login/", "/users/sms_login/", "/users/secure/"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = page.send(method.clone(), path, &token, &json!({ "all": true })).await;
            assert_eq!((answer.status, answer.header("x-error-code")), (405, Some("method_not_allowed")), "{path}");
            leaves_the_cookies_alone(&answer);
        }
    }
    assert_eq!(site.me(&token).await.status, 200);
    assert_eq!(page.cookie("refresh_token"), cookie);
    assert_eq!(page.refresh().await.status, 200);
}

/// The line that sets the device's cookie.
fn device_line(answer: &Answer) -> String {
    set_cookies(answer).into_iter().find(|line| line.starts_with("device=")).expect("a device")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_remembered_leaves_a_device_of_the_browser_session() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, stranger) = (site.register().await, site.register().await);
    let sign_in = async |page: &Page<'_>, person: &Person, remember: bool| {
        let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": remember });
        let answer = page.send(Method::POST, "/users/login/", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device_line(&answer)
    };
    let page = Page::new(&site);
    let line = sign_in(&page, &person, false).await;
    assert!(!line.contains("Max-Age") && line.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{line}");
    // Remembered later, it lasts; and one sign-in without the tick does not forget it, nor make it last longer.
    let line = sign_in(&page, &person, true).await;
    assert!(line.contains("; Max-Age=34560000"), "{line}");
    site.advance(86_400).await;
    let line = sign_in(&page, &person, false).await;
    assert!(line.contains("; Max-Age=34473600"), "{line}");
    // Another account that does not wish to be remembered leaves nothing that lasts, whosever it was before.
    let line = sign_in(&page, &stranger, false).await;
    assert!(!line.contains("Max-Age"), "{line}");
    // By SMS it is the same.
    let page = Page::new(&site);
    site.post(&format!("/users/sms/{}/?purpose=login", person.mobile), &json!({})).await;
    let code = site.code_for(&person.mobile).await;
    let body = json!({ "mobile": person.mobile, "sms_code": code, "remember": false });
    let line = device_line(&page.send(Method::POST, "/users/sms_login/", "", &body).await);
    assert!(!line.contains("Max-Age"), "{line}");
}

/// Wrong passwords until the account waits, on no device.
async fn block(site: &Site, person: &Person) {
    let wrong = json!({ "username": person.mobile, "password": "wrong password" });
    while site.post("/users/login/", &wrong).await.status != 429 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_remembered_is_known_while_its_session_may_last() {
    let Some(site) = Site::with_settings(&[]).await else { return };
    let (person, page) = (site.register().await, Page::new(&site));
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let log_in = async || page.send(Method::POST, "/users/login/", "", &body).await.status;
    assert_eq!(log_in().await, 200);
    // A browser may restore its session for months, so the value itself ends too.
    let device = page.cookie("device").unwrap();
    site.advance(11 * 3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 200, "strangers' guesses keep nobody out");
    page.set("device", &device);
    site.advance(3600).await;
    block(&site, &person).await;
    assert_eq!(log_in().await, 429, "it is forgotten");
}
