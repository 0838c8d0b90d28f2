//! Consent at a sign-up, by `register` and by `sms_log_in`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site, new_mobile, registration};
use crate::with_inbox::sms_log_in::code;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_without_consent_is_refused_where_it_is_required() {
    let site = Site::with_settings(&[("REQUIRE_CONSENT", "true")]).await;
    let (mobile, by_sms) = (new_mobile(), new_mobile());
    let mut body = registration(&mobile, &site.sms_code(&mobile).await);
    let refused = json!({ "consent": ["请先阅读并同意用户协议和隐私政策。"] });
    site.post("/users/", &body).await.refuses(400, "consent_required", &refused);
    for malformed in [json!(true), json!({}), json!({ "terms": "1" }), json!({ "terms": "1", "privacy": 2 })] {
        body["consent"] = malformed;
        let answer = site.post("/users/", &body).await;
        answer.refuses(400, "field_type", &json!({ "consent": ["格式不正确。"] }));
    }
    body["consent"] = json!({ "terms": "1", "privacy": "1" });
    assert_eq!(site.post("/users/", &body).await.status, 201);

    let code = code(&site, &by_sms, "&register=true").await;
    let mut body: Value = json!({ "mobile": by_sms, "sms_code": code, "register": true });
    site.post("/users/sms_login/", &body).await.is_refused(400, "consent_required");
    body["consent"] = json!({ "terms": "1", "privacy": "1" });
    assert_eq!(site.post("/users/sms_login/", &body).await.status, 200);
}

/// Returns the versions in the consent that is stored with the account of this token.
async fn stored_consent(site: &Site, mobile: &str, token: &str) -> Value {
    site.advance(61).await;
    let asked = site.send_as(token, Method::POST, "/users/me/sms/", &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let proof = json!({ "sms_code": site.code_for(mobile).await });
    let export = site.send_as(token, Method::POST, "/users/me/export/", &proof).await.json();
    let consent = &export["account"]["consent"];
    json!({ "terms": consent["terms"], "privacy": consent["privacy"] })
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_to_another_version_is_refused_with_the_current_ones_and_never_replaced() {
    let site = Site::with_settings(&[("TERMS_VERSION", "2"), ("PRIVACY_VERSION", "3")]).await;
    let (by_password, by_sms) = (new_mobile(), new_mobile());
    let current = json!({ "terms": "2", "privacy": "3" });
    let mut register = registration(&by_password, &site.sms_code(&by_password).await);
    let code = code(&site, &by_sms, "&register=true").await;
    let mut sms_log_in = json!({ "mobile": by_sms, "sms_code": code, "register": true });
    let text = "用户协议或隐私政策已更新，请阅读后重新同意。";
    let lists = json!({ "consent": [text], "terms": "2", "privacy": "3" });
    let detail = json!({ "detail": text, "terms": "2", "privacy": "3" });
    // More often than a code may be wrong: a refusal is no guess at the code.
    let outdated =
        [("never published", "3"), ("2", "1"), ("1", "1"), ("2a", "3"), ("02", "3"), ("3", "2"), ("2 ", "3")];
    let outdated = outdated.map(|(terms, privacy)| json!({ "terms": terms, "privacy": privacy }));
    let outdated_count = outdated.len();
    let incomplete = [
        json!({ "terms": "never published" }),
        json!({ "terms": "2" }),
        json!({ "terms": "2", "privacy": null }),
        json!({}),
    ];
    for (number, consent) in outdated.into_iter().chain(incomplete).enumerate() {
        if number == outdated_count {
            // A correct code can be sent ten times at most.
            site.advance(601).await;
            register["sms_code"] = site.sms_code(&by_password).await.into();
            sms_log_in["sms_code"] = self::code(&site, &by_sms, "&register=true").await.into();
        }
        for body in [&mut register, &mut sms_log_in] {
            body["consent"] = consent.clone();
        }
        site.post("/users/", &register).await.refuses(400, "consent_outdated", &lists);
        site.post("/users/sms_login/", &sms_log_in).await.refuses(400, "consent_outdated", &detail);
    }
    assert_eq!(site.get(&format!("/users/mobile/{by_password}/")).await.status, 200, "no account was made");
    for body in [&mut register, &mut sms_log_in] {
        body["consent"] = current.clone();
    }
    let registered = site.post("/users/", &register).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let signed_up = site.post("/users/sms_login/", &sms_log_in).await;
    assert_eq!(signed_up.status, 200, "{signed_up:?}");
    for (mobile, answer) in [(&by_password, &registered), (&by_sms, &signed_up)] {
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(stored_consent(&site, mobile, &token).await, current);
    }
    // A sign-in stores no consent, so its versions do not matter.
    let by_password = json!({ "username": by_password, "password": PASSWORD, "consent": { "terms": "1" } });
    assert_eq!(site.post("/users/login/", &by_password).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_configured_version_is_compared() {
    let sign_up_with = async |site: &Site, consent: Value| {
        let mobile = new_mobile();
        let mut body = registration(&mobile, &site.sms_code(&mobile).await);
        body["consent"] = consent;
        site.post("/users/", &body).await
    };
    let sign_up = async |site: &Site, terms: &str, privacy: &str| {
        sign_up_with(site, json!({ "terms": terms, "privacy": privacy })).await
    };
    let site = Site::with_settings(&[("TERMS_VERSION", ""), ("PRIVACY_VERSION", "3")]).await;
    assert_eq!(sign_up(&site, "2026-11", "3").await.status, 201);
    let refused = sign_up(&site, "2026-11", "2").await;
    let text = "用户协议或隐私政策已更新，请阅读后重新同意。";
    let outdated = json!({ "consent": [text], "privacy": "3" });
    refused.refuses(400, "consent_outdated", &outdated);
    // The other version is missing.
    sign_up_with(&site, json!({ "terms": "2026-11" })).await.refuses(400, "consent_outdated", &outdated);
    sign_up_with(&site, json!({ "privacy": "2" })).await.refuses(400, "consent_outdated", &outdated);
    let malformed = json!({ "consent": ["格式不正确。"] });
    for consent in [json!({ "privacy": "3" }), json!({ "privacy": 3 }), json!("3"), json!(["3"])] {
        sign_up_with(&site, consent).await.refuses(400, "field_type", &malformed);
    }
    let site = Site::with_settings(&[("TERMS_VERSION", ""), ("PRIVACY_VERSION", "")]).await;
    assert_eq!(sign_up(&site, "2026-11", "v2").await.status, 201);
}
