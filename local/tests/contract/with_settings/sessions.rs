//! `refresh_token`: how long sessions last, and what happens when answers are lost.

use reqwest::Method;
use serde_json::{Value, json};

use crate::page::text;
use crate::site::{NEW_PASSWORD, PASSWORD, Person, Site, logs, new_mobile};

#[tokio::test(flavor = "multi_thread")]
async fn c1_how_long_a_lost_answer_is_given_again_is_a_setting() {
    let site = Site::with_settings(&[("REFRESH_REPEAT_SECONDS", "5")]).await;
    let person = site.register().await;
    let first = site.refresh(&person.refresh_token).await.json();
    site.advance(4).await;
    assert_eq!(site.refresh(&person.refresh_token).await.json(), first);
    site.advance(3).await;
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_session_slides_for_thirty_days_and_ends_after_ninety() {
    const DAY: u32 = 86_400;
    let site = Site::with_settings(&[]).await;
    let (idle, used) = (site.register().await, site.register().await);
    let mut token = used.refresh_token.clone();
    for _ in 0..3 {
        site.advance(29 * DAY).await;
        let answer = site.refresh(&token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token = text(&answer.json(), "refresh_token").to_owned();
    }
    site.refresh(&idle.refresh_token).await.is_refused(401, "session_ended");
    site.advance(3 * DAY).await;
    site.refresh(&token).await.is_refused(401, "session_ended");
}

/// Changes the password and returns the answer, which the browser may never receive.
async fn change_password(site: &Site, token: &str) -> Value {
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let answer = site.send_as(token, Method::PUT, "/users/me/password/", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Returns whether a session of the account was ended because a refresh token was used twice.
fn raised_an_alarm(person: &Person) -> bool {
    logs::lines_about(&person.id).iter().any(|line| line.contains("refresh_token_reused"))
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_whose_answer_was_lost_holds_the_token_before_it_and_raises_no_alarm() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let last = site.refresh(&person.refresh_token).await.json();
    let changed = change_password(&site, text(&last, "token")).await;
    // The old token is tried at once, after the repeat window, and after the new token was rotated.
    let mut newest = text(&changed, "refresh_token").to_owned();
    for seconds in [0, 31, 86_400] {
        site.advance(seconds).await;
        site.refresh(text(&last, "refresh_token")).await.is_refused(401, "credentials_changed");
        let next = site.refresh(&newest).await;
        assert_eq!(next.status, 200, "the session lives on for whoever has the new one: {next:?}");
        newest = text(&next.json(), "refresh_token").to_owned();
    }
    assert!(!raised_an_alarm(&person));
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_token_rotated_long_before_it_is_still_reused() {
    let site = Site::with_settings(&[]).await;
    for (window, code) in [(20, "credentials_changed"), (31, "refresh_token_spent")] {
        let person = site.register().await;
        let last = site.refresh(&person.refresh_token).await.json();
        let changed = change_password(&site, text(&last, "token")).await;
        // The answer to the refresh before it may have been lost as well. Only within the repeat window is that no
        // alarm.
        site.advance(window).await;
        site.refresh(&person.refresh_token).await.is_refused(401, code);
        let is_alarm = code == "refresh_token_spent";
        assert_eq!(raised_an_alarm(&person), is_alarm, "{code}");
        let goes_on = site.refresh(text(&changed, "refresh_token")).await;
        assert_eq!(goes_on.status, if is_alarm { 401 } else { 200 }, "{goes_on:?}");
    }
    // A token of two generations earlier raises an alarm at any time.
    let person = site.register().await;
    let next = site.refresh(&person.refresh_token).await.json();
    let last = site.refresh(text(&next, "refresh_token")).await.json();
    change_password(&site, text(&last, "token")).await;
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
    assert!(raised_an_alarm(&person));
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_leaves_a_thief_who_refreshed_before_it_with_nothing() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    // The thief has a copy of the owner's refresh token and uses it first.
    let stolen = site.refresh(&person.refresh_token).await.json();
    let changed = change_password(&site, &person.token).await;
    site.me(text(&stolen, "token")).await.is_refused(401, "unauthorized");
    site.refresh(text(&stolen, "refresh_token")).await.is_refused(401, "credentials_changed");
    let owner = site.refresh(text(&changed, "refresh_token")).await;
    assert_eq!(owner.status, 200, "{owner:?}");
    // If the owner had missed the answer, their use of the shared token would reveal the theft.
    site.advance(31).await;
    site.refresh(&person.refresh_token).await.is_refused(401, "refresh_token_spent");
    site.refresh(text(&owner.json(), "refresh_token")).await.is_refused(401, "session_ended");
    assert!(raised_an_alarm(&person));
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_and_c7_whose_answer_was_lost_lose_nothing() {
    let site = Site::with_settings(&[]).await;
    // `register_with_email` includes `bind_email`, and ignores its answer.
    let (person, _) = site.register_with_email().await;
    let refreshed = site.refresh(&person.refresh_token).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let refreshed = refreshed.json();
    let mobile = new_mobile();
    let sms = format!("/users/sms/{mobile}/?purpose=mobile");
    let asked = site.send_as(text(&refreshed, "token"), Method::POST, &sms, &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let body = json!({ "mobile": mobile, "sms_code": site.code_for(&mobile).await, "password": PASSWORD });
    let moved = site.send_as(text(&refreshed, "token"), Method::PUT, "/users/me/mobile/", &body).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    site.me(text(&refreshed, "token")).await.is_refused(401, "unauthorized");
    let again = site.refresh(text(&refreshed, "refresh_token")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(site.me(text(&again.json(), "token")).await.status, 200);
    // The answer to that refresh may be lost too.
    assert_eq!(site.refresh(text(&refreshed, "refresh_token")).await.json(), again.json());
}
