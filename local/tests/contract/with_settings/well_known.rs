//! `well_known`: the client id of access tokens.

use serde_json::json;

use crate::site::Site;
use crate::with_inbox::well_known::part;

#[tokio::test(flavor = "multi_thread")]
async fn c10_the_client_id_is_configured_and_by_default_the_audience() {
    for (settings, client_id) in
        [(&[("AUDIENCE", "shop")][..], "shop"), (&[("AUDIENCE", "shop"), ("CLIENT_ID", "app")], "app")]
    {
        let site = Site::with_settings(settings).await;
        let claims = part(&site.register().await.token, 1);
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!("shop"), &json!(client_id)));
    }
}
