//! `local` itself: who may use `/_local`, what stays over a restart, what it says when it cannot start.

use std::path::PathBuf;

use local::{Options, StartProblem, System};
use reqwest::Method;
use serde_json::json;

use crate::site::{PASSWORD, Site, new_mobile, read};

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("local-test-{}", new_mobile()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn options(&self) -> Options {
        Options { data: Some(self.0.join("data")), ..Options::default() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn start(options: Options) -> Site {
    let _ = Site::with_settings(&[]).await;
    let system = System::start(options).await.unwrap();
    Site { base_url: system.base_url.clone(), http: reqwest::Client::new(), system: Some(system) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_cannot_read_the_inbox_or_reach_the_engine() {
    let site = Site::with_settings(&[]).await.unwrap();
    let inbox = || site.request(Method::GET, "/_local/inbox.json");
    for request in [
        inbox().header("host", "evil.example"),
        inbox().header("host", "127.0.0.1.evil.example"),
        inbox().header("origin", "https://evil.example"),
        inbox().header("origin", "null"),
    ] {
        assert_eq!(read(request).await.status, 403);
    }
    assert_eq!(read(inbox().header("origin", &site.base_url)).await.status, 200);
    let cloud = &site.system.as_ref().unwrap().cloud_url;
    let call = || site.http.post(cloud).header("x-amz-target", "DynamoDB_20120810.ListTables").body("{}");
    assert_eq!(read(call().header("origin", "https://evil.example")).await.status, 403);
    assert_eq!(read(call().header("host", "evil.example")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_said_with_an_example() {
    let site = Site::with_settings(&[]).await.unwrap();
    for path in ["/_local/clock", "/_local/faults"] {
        let answer = site.post(path, &json!({ "service": "fax" })).await;
        assert!(answer.status == 400 && answer.text.contains("Send, say, {"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_tokens_and_time_stay_over_a_restart() {
    let folder = Folder::new();
    let site = start(folder.options()).await;
    let person = site.register().await;
    site.advance(1000).await;
    let before = site.system.as_ref().unwrap().clock.now();
    // The issuer is the address; a restart on another port would rightly refuse the token.
    let issuer = site.base_url.clone();
    drop(site);
    let mut options = folder.options();
    options.variables.insert("ISSUER".to_owned(), issuer);
    let site = start(options).await;
    assert!(site.system.as_ref().unwrap().clock.now() >= before, "time does not run backwards");
    let answer = site.send_as(&person.token, Method::GET, "/users/me/", &json!({})).await;
    assert_eq!(answer.json()["id"], json!(person.id), "{answer:?}");
    let log_in = site.post("/users/login/", &json!({ "username": person.mobile, "password": PASSWORD })).await;
    assert_eq!(log_in.status, 200, "{log_in:?}");
    let other = new_mobile();
    assert_eq!(site.sms_code(&other).await.len(), 6, "the stream goes on");
}

/// The deployment's secrets are a list, the newest first: all are accepted, so that one is replaced without breaking what
/// is under way, and what was made with one that is gone is worth nothing. ASVS 11.1.1, 13.3.4.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_replaced_without_breaking_what_is_under_way() {
    let folder = Folder::new();
    let (old, new) = ("o".repeat(32), "n".repeat(32));
    let with = |secrets: &str, issuer: &str| {
        let mut options = folder.options();
        for name in ["CODE_SECRET", "KEY_SECRET"] {
            options.variables.insert(name.to_owned(), secrets.to_owned());
        }
        options.variables.insert("ISSUER".to_owned(), issuer.to_owned());
        options
    };
    let issuer = "http://127.0.0.1:1";
    let site = start(with(&old, issuer)).await;
    let (person, email) = site.register_with_email().await;
    let other = site.log_in(&person.mobile).await["refresh_token"].as_str().unwrap().to_owned();
    site.post("/users/find/password/email/", &json!({ "email": email })).await;
    let (link, csrf, mobile) = (site.link_for(&email).await, site.csrf().await, new_mobile());
    let code = site.sms_code(&mobile).await;
    drop(site);

    let site = start(with(&format!("{new},{old}"), issuer)).await;
    assert_eq!(site.me(&person.token).await.status, 200, "signed with a key that the old secret sealed");
    assert_eq!(site.refresh(&person.refresh_token).await.status, 200);
    assert_eq!(site.post("/users/find/password/", &json!({ "access_token": link })).await.status, 200);
    assert_eq!(site.post("/users/", &crate::site::registration(&mobile, &code)).await.status, 201);
    let wrong = json!({ "mobile": mobile, "sms_code": "000000", "new_password": PASSWORD });
    assert_eq!(site.forget_pwd(&csrf, &wrong).await.header("x-error-code"), Some("code_expired"), "the form is ours");
    drop(site);

    let site = start(with(&new, issuer)).await;
    assert_eq!(site.me(&person.token).await.status, 200, "the keys were sealed anew");
    site.log_in(&person.mobile).await;
    site.refresh(&other).await.is_refused(401, "refresh_token_invalid");
    assert_eq!(site.post("/users/find/password/", &json!({ "access_token": link })).await.status, 400);
    assert_eq!(site.forget_pwd(&csrf, &wrong).await.header("x-error-code"), Some("csrf_refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_said_in_plain_words() {
    let site = Site::with_settings(&[]).await.unwrap();
    let port: u16 = site.base_url.rsplit(':').next().unwrap().parse().unwrap();
    let Err(problem) = System::start(Options { port, ..Options::default() }).await else { panic!("it started") };
    assert!(matches!(problem, StartProblem::PortTaken { .. }));
    assert_eq!(
        problem.to_string(),
        format!("port {port} is taken. Stop what listens there, or choose another with --port.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_used_is_said_in_plain_words() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("data"), "a file, not a folder").unwrap();
    let Err(problem) = System::start(folder.options()).await else { panic!("it started") };
    let text = problem.to_string();
    assert!(text.contains("the data folder") && text.contains("--memory"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_version_is_left_alone_and_said_in_plain_words() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.0.join("data")).unwrap();
    std::fs::write(folder.0.join("data/version"), "0\n").unwrap();
    let Err(problem) = System::start(folder.options()).await else { panic!("it started") };
    assert!(problem.to_string().contains("was made by another version of Latchkey (0;"), "{problem}");
    assert!(!folder.0.join("data/dynamodb.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_setting_is_named_with_the_function_that_would_not_start() {
    let variables = [("PASSWORD_MIN_LENGTH".to_owned(), "5".to_owned())].into();
    let Err(problem) = System::start(Options { variables, ..Options::default() }).await else { panic!("it started") };
    let text = problem.to_string();
    assert!(text.contains("PASSWORD_MIN_LENGTH must be a whole number from 6 to 64"), "{text}");
}
