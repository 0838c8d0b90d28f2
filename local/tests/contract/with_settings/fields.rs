//! Usernames reserved for staff.

use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site};

#[tokio::test(flavor = "multi_thread")]
async fn who_passes_for_staff_is_configuration() {
    let settings = [("RESERVED_USERNAMES", "boss,掌柜"), ("BRAND", "My Shop")];
    let site = Site::with_settings(&settings).await;
    let person = site.register().await;
    let named = async |name: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        site.send_as(&person.token, Method::PATCH, "/users/me/", &body).await
    };
    for reserved in ["boss", "B.o.s.s", "my_shop", "MyShop"] {
        named(reserved).await.refuses(
            400,
            "username_reserved",
            &json!({ "detail": "该用户名为系统保留，请换一个。", "code": "username_reserved" }),
        );
    }
    assert_eq!(named("admin").await.status, 200, "it is not in this list");
}
