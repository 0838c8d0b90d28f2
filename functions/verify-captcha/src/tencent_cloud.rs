//! Tencent Cloud's API `DescribeCaptchaResult` (version 2019-07-22), signed with TC3-HMAC-SHA256.

use reqwest::{Client, RequestBuilder, Url};
use ring::{digest, hmac};
use serde::Deserialize;
use serde_json::json;
use shared::config::{CaptchaProvider, TencentCloudSigner};
use shared::domain::{ExposeSecret, Timestamp};

use crate::call::CallError;
use crate::ticket::Ticket;

const ACTION: &str = "DescribeCaptchaResult";
const VERSION: &str = "2019-07-22";
const SERVICE: &str = "captcha";
const CONTENT_TYPE: &str = "application/json; charset=utf-8";

pub(crate) fn request(
    client: &Client,
    provider: &CaptchaProvider,
    signer: &TencentCloudSigner,
    ticket: &Ticket,
    now: Timestamp,
) -> RequestBuilder {
    let body = json!({
        "CaptchaType": 9,
        "Ticket": ticket.ticket,
        "Randstr": ticket.randstr,
        "UserIp": ticket.address,
        // The API requires a number. The configuration has checked that the id is one.
        "CaptchaAppId": provider.app_id.parse::<u64>().unwrap_or_default(),
        "AppSecretKey": provider.app_secret.expose_secret(),
    })
    .to_string();
    let host = Url::parse(&provider.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let authorization = authorization(signer, &host, &body, now);
    client
        .post(&provider.url)
        .header("content-type", CONTENT_TYPE)
        .header("host", host)
        .header("x-tc-action", ACTION)
        .header("x-tc-version", VERSION)
        .header("x-tc-timestamp", now.unix_seconds().to_string())
        .header("authorization", authorization)
        .body(body)
}

/// Returns the `Authorization` header of Tencent Cloud's "Signature v3". It signs a hash of the canonical request, with
/// a key that is derived for the day and the service.
fn authorization(signer: &TencentCloudSigner, host: &str, body: &str, now: Timestamp) -> String {
    let signed_headers = "content-type;host;x-tc-action";
    let canonical = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-tc-action:{}\n\n{signed_headers}\n{}",
        ACTION.to_lowercase(),
        sha256_hex(body.as_bytes())
    );
    let date = now.utc_date();
    let scope = format!("{date}/{SERVICE}/tc3_request");
    let to_sign = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{}", now.unix_seconds(), sha256_hex(canonical.as_bytes()));
    let key = format!("TC3{}", signer.secret_key.expose_secret());
    let key = sign(key.as_bytes(), &date);
    let key = sign(key.as_ref(), SERVICE);
    let key = sign(key.as_ref(), "tc3_request");
    let signature = hex::encode(sign(key.as_ref(), &to_sign));
    format!(
        "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
        signer.secret_id
    )
}

fn sign(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    response: Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    captcha_code: Option<i64>,
    #[serde(default)]
    evil_level: Option<i64>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiError {
    code: String,
}

/// Returns whether the service accepted the ticket: its code is 1 and its evil level is below 100. The API reports
/// errors in the body of a 200.
pub(crate) fn read(body: &[u8]) -> Result<bool, CallError> {
    let Envelope { response } = serde_json::from_slice(body).map_err(|_| CallError::Garbage)?;
    if let Some(error) = response.error {
        return Err(CallError::Refused(error.code));
    }
    let code = response.captcha_code.ok_or(CallError::Garbage)?;
    Ok(code == 1 && response.evil_level.unwrap_or(0) < 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::SecretString;

    #[test]
    fn only_code_one_that_is_not_evil_passes() {
        for (body, passed) in [
            (r#"{"Response":{"CaptchaCode":1,"CaptchaMsg":"OK","EvilLevel":0,"RequestId":"r"}}"#, true),
            (r#"{"Response":{"CaptchaCode":1,"EvilLevel":100,"RequestId":"r"}}"#, false),
            (r#"{"Response":{"CaptchaCode":9,"CaptchaMsg":"ticket reused","RequestId":"r"}}"#, false),
            (r#"{"Response":{"CaptchaCode":21,"RequestId":"r"}}"#, false),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap(), passed, "{body}");
        }
        let refused = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"m"},"RequestId":"r"}}"#;
        assert!(matches!(read(refused.as_bytes()), Err(CallError::Refused(_))));
        for garbage in ["", "<html>", "{}", r#"{"Response":{}}"#, r#"{"Response":{"CaptchaCode":"1"}}"#] {
            assert!(read(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }

    /// The reference value was computed independently with Python's `hmac` and `hashlib` from Tencent Cloud's
    /// description of the algorithm.
    #[test]
    fn the_signature_is_the_one_the_description_gives() {
        let signer =
            TencentCloudSigner { secret_id: "AKIDexample".into(), secret_key: SecretString::from("example-key") };
        let header = authorization(
            &signer,
            "captcha.tencentcloudapi.com",
            r#"{"CaptchaType":9}"#,
            Timestamp::from_unix_seconds(1_551_113_065),
        );
        assert_eq!(
            header,
            "TC3-HMAC-SHA256 Credential=AKIDexample/2019-02-25/captcha/tc3_request, \
             SignedHeaders=content-type;host;x-tc-action, \
             Signature=d5996992d8229126698cbbf8635be60f3bbbe4981b0f6999882b2f255c0b1a47"
        );
    }
}
