//! Counts the request units of DynamoDB that an operation costs, with what `deliver` does for it. `docs/prices.json`
//! has them, and the costs of a month follow from it.

use local::prices::Prices;
use local::units::Units;
use serde_json::json;

use crate::site::{Answer, PASSWORD, Site, new_mobile, registration};

/// Counts while only this request and the messages it causes are under way.
async fn count(site: &Site, request: impl Future<Output = Answer>) -> (Units, Answer) {
    let system = site.system.as_ref().unwrap();
    // The inbox is shown once every message is sent.
    site.get("/_local/inbox.json").await;
    let _ = system.journal.take();
    let answer = request.await;
    site.get("/_local/inbox.json").await;
    let units = system.journal.take().into_iter().map(|call| call.units).sum();
    assert!(answer.status < 300 && answer.header("x-error-code").is_none(), "{answer:?}");
    (units, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_costs_the_units_that_the_prices_name() {
    let site = Site::with_settings(&[]).await;
    let mobile = new_mobile();
    let (sent, _) = count(&site, site.post(&format!("/users/sms/{mobile}/"), &json!({}))).await;
    let code = site.code_for(&mobile).await;
    let (registered, _) = count(&site, site.post("/users/", &registration(&mobile, &code))).await;
    let by_password = json!({ "username": mobile, "password": PASSWORD });
    let (logged_in, answer) = count(&site, site.post("/users/login/", &by_password)).await;
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let (me, _) = count(&site, site.me(&text("token"))).await;
    let (refreshed, _) = count(&site, site.refresh(&text("refresh_token"))).await;
    let counted = [
        ("register", registered),
        ("log_in", logged_in),
        ("refresh_token", refreshed),
        ("me", me),
        ("send_sms_code", sent),
    ];
    let told = Prices::load().unwrap().operations;
    let told: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.units())).collect();
    assert_eq!(told, counted);
}
