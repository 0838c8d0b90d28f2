//! `local` itself: who may use `/_local`, which data survives a restart, and its messages when it cannot start.

use std::path::PathBuf;

use local::{Options, StartError, System};
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site, logs, new_mobile, read};

/// A folder that is deleted when the test ends.
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
    logs::keep();
    Site::of(System::start(options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_cannot_read_the_inbox_or_reach_the_engine() {
    let site = Site::with_settings(&[]).await;
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
    let system = site.system.as_ref().unwrap();
    let secret = &system.variables["AWS_ACCESS_KEY_ID"];
    let call = |access_key: &str| {
        let signature = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request");
        let call = site.http.post(&system.cloud_url).header("x-amz-target", "DynamoDB_20120810.ListTables").body("{}");
        call.header("content-type", "application/x-amz-json-1.0").header("authorization", signature)
    };
    assert_eq!(read(call(secret)).await.status, 200);
    assert_eq!(read(call(secret).header("origin", "https://evil.example")).await.status, 403);
    assert_eq!(read(call(secret).header("origin", &site.base_url)).await.status, 403, "a page has no business there");
    assert_eq!(read(call(secret).header("host", "evil.example")).await.status, 403);
    assert_eq!(read(call(secret).header("host", "host.docker.internal")).await.status, 403, "not without --containers");
    for access_key in ["local", "", "log-in", &format!("{secret}x"), &secret[1..]] {
        let refused = read(call(access_key)).await;
        assert_eq!(refused.status, 403, "{access_key}");
        assert!(refused.json()["__type"].as_str().unwrap().ends_with("#UnrecognizedClientException"), "{refused:?}");
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
}

/// An SDK can read an error only in its own protocol. Each error names its reason.
#[tokio::test(flavor = "multi_thread")]
async fn the_local_aws_refuses_in_the_protocol_of_whoever_asks() {
    let site = Site::with_settings(&[]).await;
    let system = site.system.as_ref().unwrap();
    let call = |path: &str| site.http.post(format!("{}{path}", system.cloud_url));
    let signature = format!("AWS4-HMAC-SHA256 Credential={}/x", system.variables["AWS_ACCESS_KEY_ID"]);
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    for signed in [false, true] {
        let sign = |request: reqwest::RequestBuilder| {
            if signed { request.header("authorization", &signature) } else { request }
        };
        let json_call = call("/").header("x-amz-target", "DynamoDB_20120810.CreateBackup").body("{}");
        let answer = read(sign(json_call)).await;
        assert!(answer.json()["__type"].is_string() && answer.json()["message"].is_string(), "{answer:?}");
        let answer = read(sign(call("/").header("content-type", form).body("Action=CreateTopic"))).await;
        assert!(answer.text.starts_with("<ErrorResponse>") && answer.text.contains("<Code>"), "{answer:?}");
        let answer = read(sign(call("/v2/email/identities").body("{}"))).await;
        assert!(answer.header("x-amzn-errortype").is_some() && answer.json()["message"].is_string(), "{answer:?}");
        assert!(!answer.text.contains("made to fail"), "{answer:?}");
    }
}

/// The AWS tools refuse a shard id of fewer than 28 characters before they send a request (`.ci/read_stream.py` runs
/// one of them).
#[tokio::test(flavor = "multi_thread")]
async fn the_local_aws_serves_the_table_s_stream() {
    let site = Site::with_settings(&[]).await;
    let person = site.register().await;
    let system = site.system.as_ref().unwrap();
    let secret = system.variables["AWS_ACCESS_KEY_ID"].clone();
    let call = async |access_key: &str, operation: &str, body: Value| {
        let request =
            site.http.post(&system.cloud_url).header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"));
        let signature = format!("AWS4-HMAC-SHA256 Credential={access_key}/x");
        read(request.header("authorization", signature).body(body.to_string())).await
    };
    let streams = call(&secret, "ListStreams", json!({})).await.json();
    let stream = &streams["Streams"][0]["StreamArn"];
    let description = call(&secret, "DescribeStream", json!({ "StreamArn": stream })).await.json();
    let shard = &description["StreamDescription"]["Shards"][0]["ShardId"];
    assert!((28..=65).contains(&shard.as_str().unwrap().len()), "{description}");
    let mut ask = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = call(&secret, "GetShardIterator", ask.clone()).await.json()["ShardIterator"].clone();
    let records = call(&secret, "GetRecords", json!({ "ShardIterator": iterator })).await;
    assert!(records.text.contains(&format!("USER#{}", person.id)), "{records:?}");
    // Errors are reported in DynamoDB's protocol.
    ask["ShardId"] = "shardId-00000000000000000009-00000009".into();
    let refused = call(&secret, "GetShardIterator", ask).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["__type"].as_str().unwrap().ends_with("#ResourceNotFoundException"), "{refused:?}");
    for (access_key, operation) in
        [("local", "GetRecords"), (&format!("{secret}-log-in"), "GetRecords"), (&secret, "Nothing")]
    {
        let refused = call(access_key, operation, json!({ "ShardIterator": iterator })).await;
        assert!(refused.status >= 400 && refused.json()["__type"].is_string(), "{access_key} {operation} {refused:?}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let site = start(folder.options()).await;
    site.register().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = folder.0.join("data");
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_nothing_in_the_database_s_file() {
    let folder = Folder::new();
    let site = start(folder.options()).await;
    let (person, email) = site.register_with_email().await;
    let client = local::dynamodb(&site.system.as_ref().unwrap().variables).unwrap();
    let table = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let user = table.iter().find(|item| item["pk"].as_s().unwrap() == &format!("USER#{}", person.id)).unwrap();
    let hash = user["password_hash"].as_s().unwrap().clone();
    let found = |text: &str| {
        let entries = std::fs::read_dir(folder.0.join("data")).unwrap();
        let files = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())).count()
    };
    assert!(found(&hash) > 0 && found(&person.id) > 0, "the test looks in the right place");
    let gone = site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(found(&hash), 0, "the hash");
    // The security notifications about the deletion are still in the table, for the number and the address, and limits
    // count for a day. TTL deletes all of these items when their time is over.
    site.was_told(&email, "注销").await;
    let mut rest: Vec<_> = client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    rest.retain(|item| format!("{item:?}").contains(&person.mobile));
    for item in &rest {
        let key = [("pk", item["pk"].clone()), ("sk", item["sk"].clone())];
        let key = key.map(|(name, value)| (name.to_owned(), value)).into();
        client.delete_item().table_name(local::TABLE).set_key(Some(key)).send().await.unwrap();
    }
    let system = site.system.unwrap();
    system.stop().await;
    assert_eq!(found(&person.mobile), 0, "the number, in free pages, records of the stream or the write-ahead log");
    assert_eq!(found(&person.id), 0, "the id");
}

/// A crash leaves traces that were about to be removed. The next start removes them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_a_deleted_account_is_forgotten_at_the_next_start() {
    let folder = Folder::new();
    let site = start(folder.options()).await;
    let person = site.register().await;
    let gone = site.send_as(&person.token, Method::DELETE, "/users/me/", &json!({ "password": PASSWORD })).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let file = folder.0.join("data/dynamodb.sqlite");
    let records = || {
        let connection = rusqlite::Connection::open(&file).unwrap();
        let query = "SELECT COUNT(*) FROM _stream_records WHERE instr(keys_json || coalesce(new_image, ''), ?1) > 0";
        connection.query_row(query, [&person.mobile], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(records() > 0, "its messages were waiting");
    drop(site);
    let _site = start(folder.options()).await;
    assert!(records() <= 1, "the newest record stays, for its number");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_said_with_an_example() {
    let site = Site::with_settings(&[]).await;
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
    // The issuer is the address, so a restart on another port would rightly refuse the token.
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

/// A deployment's secrets are a list, newest first, and all of them are accepted. A secret can thus be replaced without
/// breaking tokens and codes in use. Anything made with a secret that was removed from the list is worthless. ASVS
/// 11.1.1, 13.3.4.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_replaced_without_breaking_what_is_under_way() {
    let folder = Folder::new();
    let (old, new) = ("o".repeat(32), "n".repeat(32));
    let with = |secrets: &str, issuer: &str| {
        let mut options = folder.options();
        for name in ["CODE_SECRET", "LINK_SECRET", "SESSION_SECRET", "VISITOR_SECRET", "KEY_SECRET"] {
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
    let site = Site::with_settings(&[]).await;
    let port: u16 = site.base_url.rsplit(':').next().unwrap().parse().unwrap();
    let Err(problem) = System::start(Options { port, ..Options::default() }).await else { panic!("it started") };
    assert!(matches!(problem, StartError::PortTaken { .. }));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_on_one_folder_is_refused() {
    let folder = Folder::new();
    let site = start(folder.options()).await;
    let Err(problem) = System::start(folder.options()).await else { panic!("it started") };
    let text = problem.to_string();
    assert!(text.starts_with("another Latchkey is running on the data folder ") && text.contains("--data"), "{text}");
    drop(site);
    start(folder.options()).await;
}

/// Copies a used data folder with one file replaced or removed.
async fn folder_with(used: &Folder, file: &str, content: Option<&[u8]>) -> Folder {
    let folder = Folder::new();
    let data = folder.0.join("data");
    std::fs::create_dir_all(&data).unwrap();
    for entry in std::fs::read_dir(used.0.join("data")).unwrap() {
        let name = entry.unwrap().file_name();
        std::fs::copy(used.0.join("data").join(&name), data.join(&name)).unwrap();
    }
    match content {
        Some(content) => std::fs::write(data.join(file), content).unwrap(),
        None => std::fs::remove_file(data.join(file)).unwrap(),
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_or_lost_is_named_with_what_to_do() {
    let used = Folder::new();
    start(used.options()).await.system.unwrap().stop().await;
    let (secrets, other) = (used.0.join("data/secrets.json"), "o".repeat(64));
    let secrets: std::collections::BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(secrets).unwrap()).unwrap();
    let with = |name: &str, value: &str| {
        let mut changed = secrets.clone();
        changed.insert(name.to_owned(), value.to_owned());
        serde_json::to_vec(&changed).unwrap()
    };
    let cases: [(&str, Option<Vec<u8>>); 11] = [
        ("dynamodb.sqlite", Some(b"no database ".repeat(1000))),
        ("dynamodb.sqlite", Some(Vec::new())),
        ("dynamodb.sqlite", None),
        ("secrets.json", Some(b"{".to_vec())),
        ("secrets.json", Some(Vec::new())),
        ("secrets.json", None),
        ("secrets.json", Some(with("CODE_SECRET", "short"))),
        ("secrets.json", Some(with("KEY_SECRET", &other))),
        ("secrets.json", Some(with("AWS_ACCESS_KEY_ID", &format!("a-{other}")))),
        ("clock_seconds", Some(b"yesterday".to_vec())),
        ("clock_seconds", Some(Vec::new())),
    ];
    for (file, content) in cases {
        let folder = folder_with(&used, file, content.as_deref()).await;
        let Err(problem) = System::start(folder.options()).await else { panic!("it started: {file} {content:?}") };
        let text = problem.to_string();
        let advice = if file == "clock_seconds" { "Delete that file" } else { "Restore it, or start anew" };
        assert!(text.contains(&format!("data/{file} is damaged: ")) && text.contains(advice), "{text}");
        assert!(!text.contains("short\"") && !text.contains(&other), "{text}");
        assert_eq!(std::fs::read(folder.0.join("data").join(file)).ok(), content, "it is left as it was");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_other_files_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let data = folder.0.join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("version"), "1.0").unwrap();
    std::fs::write(data.join("run.sh"), "exit").unwrap();
    for path in [&data, &data.join("run.sh")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let Err(problem) = System::start(folder.options()).await else { panic!("it started") };
    let text = problem.to_string();
    assert!(text.contains("it holds another file, run.sh") && !text.contains("rm -r"), "{text}");
    for path in [&data, &data.join("run.sh")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o755, "{}", path.display());
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 2, "nothing was added");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_not_moved_further_than_can_be_kept() {
    let site = Site::with_settings(&[]).await;
    assert_eq!(site.post("/_local/clock", &json!({ "advance_seconds": u32::MAX })).await.status, 200);
    assert_eq!(site.post("/_local/clock", &json!({ "advance_seconds": 1 })).await.status, 400);
}

/// With `--host`, other machines may use the API, but not the inbox and the clock.
#[tokio::test(flavor = "multi_thread")]
async fn on_another_address_the_pages_are_served_and_the_inbox_is_not() {
    let _ = Site::with_settings(&[]).await;
    let host = Some("127.0.0.2".parse().unwrap());
    let system = System::start(Options { host, ..Options::default() }).await.unwrap();
    let http = reqwest::Client::new();
    let port = system.base_url.rsplit(':').next().unwrap();
    assert_eq!(system.base_url, format!("http://127.0.0.2:{port}"));
    assert_eq!(system.local_url, format!("http://localhost:{port}"));
    let at = |base: &str, path: &str| http.get(format!("{base}{path}"));
    assert_eq!(read(at(&system.base_url, "/login")).await.status, 200);
    assert_eq!(read(at(&system.base_url, "/_local/inbox.json")).await.status, 403);
    assert_eq!(read(at(&system.local_url, "/_local/inbox.json")).await.status, 200);
    // Both names make a page one of our own.
    for base in [&system.base_url, &system.local_url] {
        let refresh = http.post(format!("{base}/users/token/refresh/")).header("x-session", "cookie");
        let answer = read(refresh.header("origin", base).header("cookie", "refresh_token=x")).await;
        assert_eq!(answer.header("x-error-code"), Some("refresh_token_invalid"), "{base}: {answer:?}");
    }
    let stranger = http.post(format!("{}/users/token/refresh/", system.base_url)).header("x-session", "cookie");
    let stranger = read(stranger.header("origin", "http://evil.example").header("cookie", "refresh_token=x")).await;
    assert_eq!(stranger.header("x-error-code"), Some("origin_refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_is_this_machine_too_and_an_address_of_another_is_refused() {
    logs::keep();
    for everywhere in ["0.0.0.0", "::"] {
        let Ok(system) = System::start(Options { host: everywhere.parse().ok(), ..Options::default() }).await else {
            assert_eq!(everywhere, "::", "a machine without IPv6");
            continue;
        };
        let inbox = reqwest::Client::new().get(format!("{}/_local/inbox.json", system.local_url));
        assert_eq!(read(inbox).await.status, 200, "{everywhere}");
    }
    let host = Some("203.0.113.9".parse().unwrap());
    let Err(problem) = System::start(Options { host, ..Options::default() }).await else { panic!("it started") };
    let text = problem.to_string();
    assert!(text.starts_with("--host 203.0.113.9 cannot be used: ") && text.ends_with("of this machine."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_with_spaces_that_stands_beside_others_is_refused() {
    let variables = [("AUDIENCE".to_owned(), "my shop".to_owned())].into();
    let Err(problem) = System::start(Options { variables, ..Options::default() }).await else { panic!("it started") };
    assert_eq!(problem.to_string(), "AUDIENCE may not contain spaces");
}
