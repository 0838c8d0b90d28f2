//! The cookie that holds the refresh token of our own pages, and when it is removed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::{Page, leaves_the_cookies_alone, set_cookies, takes_the_cookie_away, text};
use crate::site::{Answer, NEW_PASSWORD, PASSWORD, Site, read};

fn session_cookie(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    cookies.rfind(|cookie| cookie.starts_with("refresh_token=")).expect("a cookie of the session")
}

/// Builds a request as our own pages send it.
fn by_cookie(site: &Site, path: &str, cookie: &str, origin: &str) -> reqwest::RequestBuilder {
    let request = site.request(Method::POST, path).header("x-session", "cookie").header("origin", origin);
    if cookie.is_empty() { request } else { request.header("cookie", cookie) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_refresh_token_is_in_a_cookie_and_nowhere_else() {
    let site = Site::with_settings(&[]).await;
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
    // The page's scripts may read this cookie. The server sets it, because Safari deletes a cookie set by a script
    // after a week.
    assert!(
        set_cookies(&answer).contains(&"signed_in=1; Path=/; SameSite=Strict; Max-Age=2592000".to_owned()),
        "{answer:?}"
    );
    let cookie = set.split(';').next().unwrap();
    // Nothing happens with a foreign origin, without an origin, or without the cookie.
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
    // A person who is not remembered gets a cookie that ends with the browser session.
    let body = json!({ "username": person.mobile, "password": PASSWORD, "remember": false });
    let answer = read(by_cookie(&site, "/users/login/", "", &own).json(&body)).await;
    assert!(!session_cookie(&answer).contains("Max-Age"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_opened_as_localhost_and_as_127_0_0_1_are_both_our_own() {
    let site = Site::with_settings(&[]).await;
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
    let site = Site::with_settings(&[("CLIENT_HOST", own)]).await;
    let person = site.register().await;
    let body = json!({ "username": person.mobile, "password": PASSWORD });
    let signed_in = read(by_cookie(&site, "/users/login/", "", own).json(&body)).await;
    let cookies: Vec<_> = signed_in.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let (hint, named): (Vec<&str>, Vec<&str>) = cookies.iter().partition(|cookie| cookie.starts_with("signed_in="));
    assert!(hint.len() == 1 && hint[0].contains("; Secure") && !hint[0].contains("HttpOnly"), "{cookies:?}");
    assert_eq!(named.len(), 2, "{cookies:?}");
    for cookie in named {
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
    // A browser removes a `__Host-` cookie only with the attributes it was set with.
    let refused = read(by_cookie(&site, "/users/token/refresh/", "__Host-refresh_token=x", own)).await;
    let removed = [
        "__Host-refresh_token=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0",
        "signed_in=; Path=/; Secure; SameSite=Strict; Max-Age=0",
    ];
    assert_eq!(set_cookies(&refused), removed, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_takes_a_worthless_cookie_away() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    // The session was ended from elsewhere.
    page.sign_in(&person).await;
    let all = site.send_as(&person.token, Method::POST, "/users/logout/", &json!({ "all": true })).await;
    all.is_done();
    let refused = page.refresh().await;
    refused.is_refused(401, "session_ended");
    takes_the_cookie_away(&refused);
    // The cookie was not issued by us.
    page.set("refresh_token", "x");
    let refused = page.refresh().await;
    refused.is_refused(401, "refresh_token_invalid");
    takes_the_cookie_away(&refused);
    // The token was stolen and has been used twice.
    page.sign_in(&person).await;
    let first = page.cookie("refresh_token").unwrap();
    page.refresh().await;
    site.advance(31).await;
    page.set("refresh_token", &first);
    let refused = page.refresh().await;
    refused.is_refused(401, "refresh_token_spent");
    takes_the_cookie_away(&refused);
    assert!(!page.is_signed_in());
    // The account is deleted.
    let token = page.sign_in(&person).await;
    site.send_as(&token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await.is_done();
    let refused = page.refresh().await;
    refused.is_refused(401, "session_ended");
    takes_the_cookie_away(&refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_may_be_good_is_left_alone() {
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let token = page.sign_in(&person).await;
    let (refresh, log_out) = ("/users/token/refresh/", "/users/logout/");
    for path in [refresh, log_out] {
        for origin in ["https://evil.example", "null", ""] {
            let refused = read(page.request(Method::POST, path, &json!({})).header("origin", origin)).await;
            refused.is_refused(403, "origin_refused");
            leaves_the_cookies_alone(&refused);
        }
        // A fault of ours proves nothing about the cookie.
        site.post("/_local/faults", &json!({ "service": "dynamodb", "kind": "error", "count": 20 })).await;
        let unavailable = page.send(Method::POST, path, "", &json!({})).await;
        unavailable.is_refused(503, "unavailable");
        assert!(unavailable.header("retry-after").is_some());
        leaves_the_cookies_alone(&unavailable);
        site.post("/_local/faults", &json!({ "service": "dynamodb", "kind": "error", "count": 0 })).await;
        // Without `X-Session: cookie` the cookie is sent but not used.
        let by_body =
            site.request(Method::POST, path).header("cookie", "refresh_token=x").header("origin", &site.base_url);
        let refused = read(by_body.json(&json!({ "refresh_token": "x" }))).await;
        refused.is_refused(401, "refresh_token_invalid");
        leaves_the_cookies_alone(&refused);
        // The request has no cookie. Another tab may receive one at the same time, and that one must stay.
        let refused = Page::new(&site).send(Method::POST, path, "", &json!({})).await;
        refused.is_refused(401, "refresh_token_invalid");
        leaves_the_cookies_alone(&refused);
    }
    let expired = page.send(Method::POST, log_out, "x", &json!({ "all": true })).await;
    expired.is_refused(401, "unauthorized");
    leaves_the_cookies_alone(&expired);
    // The answer to a change of password may be about to bring the new cookie.
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
    let site = Site::with_settings(&[]).await;
    let (person, page) = (site.register().await, Page::new(&site));
    let log_out = async |token: &str, body: Value| page.send(Method::POST, "/users/logout/", token, &body).await;
    page.sign_in(&person).await;
    let live = page.cookie("refresh_token").unwrap();
    let out = log_out("", json!({})).await;
    out.is_done();
    takes_the_cookie_away(&out);
    // The session has already ended.
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
async fn who_ends_all_sessions_of_one_account_keeps_the_cookie_of_another() {
    let site = Site::with_settings(&[]).await;
    let (person, other) = (site.register().await, site.register().await);
    let page = Page::new(&site);
    page.sign_in(&other).await;
    let everywhere = page.send(Method::POST, "/users/logout/", &person.token, &json!({ "all": true })).await;
    everywhere.is_done();
    leaves_the_cookies_alone(&everywhere);
    let deleted = site.log_in(&person.mobile).await;
    let token = text(&deleted, "token").to_owned();
    let deleted = page.send(Method::DELETE, "/users/me/", &token, &json!({ "password": PASSWORD })).await;
    deleted.is_done();
    leaves_the_cookies_alone(&deleted);
    assert_eq!(page.refresh().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_the_own_session_or_account_takes_the_cookie_away() {
    let site = Site::with_settings(&[]).await;
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
    // A page of another site can have the account deleted with the account's token, but cannot touch our cookies.
    let (stranger, foreign) = (site.register().await, Page::new(&site));
    let request = foreign.request(Method::DELETE, "/users/me/", &json!({ "password": PASSWORD }));
    let deleted = read(request.bearer_auth(&stranger.token).header("origin", "https://evil.example")).await;
    deleted.is_done();
    leaves_the_cookies_alone(&deleted);
    assert!(page.devices().len() == 1);
    let deleted = page.send(Method::DELETE, "/users/me/", &token, &json!({ "password": PASSWORD })).await;
    deleted.is_done();
    assert!(page.has_no_cookie(), "nor is the device known to an account that is gone: {deleted:?}");
}

/// An old client keeps its tokens itself. Its browser has the device's cookie all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_by_an_old_client_takes_the_device_s_cookie_away() {
    let site = Site::with_settings(&[]).await;
    let (person, other) = (site.register().await, site.register().await);
    let device = async |mobile: &str| {
        let signed_in = site.post("/users/login/", &json!({ "username": mobile, "password": PASSWORD })).await;
        let set = set_cookies(&signed_in);
        assert!(set.len() == 1 && set[0].starts_with("device_"), "{set:?}");
        set[0].split(';').next().unwrap().to_owned()
    };
    let (own, foreign) = (device(&person.mobile).await, device(&other.mobile).await);
    let request = site.request(Method::DELETE, "/users/me/").bearer_auth(&person.token);
    let request = request.header("cookie", format!("{own}; {foreign}")).json(&json!({ "password": PASSWORD }));
    let deleted = read(request).await;
    deleted.is_done();
    let name = own.split('=').next().unwrap();
    assert_eq!(set_cookies(&deleted), [format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")]);
}

/// Returns the token of the "this wasn't me" link in a message to a number.
async fn secure_link(site: &Site, mobile: &str) -> String {
    let messages = site.messages_to(&format!("+86{mobile}")).await;
    let texts = messages.iter().filter_map(|message| message["text"].as_str());
    let (_, rest) = texts.into_iter().find_map(|text| text.split_once("/secure#")).expect("a notice has a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// The page requests each operation that ends every session of an account, while it is signed in to that account or to
/// another one.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_all_sessions_takes_the_cookie_of_one_of_them_away() {
    let site = Site::with_settings(&[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_page_s_cookies_do_nothing_by_get_or_head() {
    let site = Site::with_settings(&[]).await;
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
