//! Paths that end in a slash, behind a gateway that does not match them, and the smoke test that finds out how a
//! gateway treats them.

use std::io::{Read, Write};
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use local::smoke::{Address, Counts, SmokeError, run};
use local::{Options, System};
use shared::dynamodb::keys;

use crate::site::Site;

async fn system(strict_slashes: bool) -> System {
    // This sets up the logs, as in every test's system.
    drop(Site::with_settings(&[]).await);
    System::start(Options { strict_slashes, ..Options::default() }).await.unwrap()
}

/// Runs the smoke test and returns its counts and its lines.
async fn smoke(url: &str) -> (Counts, Vec<String>) {
    let mut out = Vec::new();
    let counts = run(&Address::parse(url).unwrap(), &mut out).await.unwrap();
    (counts, String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

/// Returns the lines about failures.
async fn failures(url: &str) -> Vec<String> {
    let (counts, lines) = smoke(url).await;
    let failed: Vec<_> = lines.into_iter().filter(|line| line.contains("slash: FAILED")).collect();
    assert_eq!(counts.failed, failed.len(), "{failed:?}");
    failed
}

/// The answer that a faulty gateway gives by itself. `None` passes the request on.
type Fault = fn(&Method, &str) -> Option<Response>;

/// Starts a gateway with a fault in front of a healthy system.
async fn faulty(system: &System, fault: Fault) -> String {
    let (base_url, http) = (Arc::new(system.base_url.clone()), reqwest::Client::builder());
    let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let pass_on = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        if let Some(answer) = fault(&method, uri.path()) {
            return answer;
        }
        let request = http.request(method, format!("{base_url}{uri}")).headers(headers).body(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap()).into_response()
    };
    listen(axum::Router::new().fallback(pass_on)).await
}

async fn listen(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Returns API Gateway's answer if there is no route.
fn no_route() -> Response {
    (axum::http::StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#).into_response()
}

fn redirect(to: &'static str) -> Response {
    (axum::http::StatusCode::PERMANENT_REDIRECT, [("location", to)]).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smoke_test_passes_whether_the_gateway_matches_the_slash_or_not() {
    let known = not_found::ROUTES.len();
    let (lenient, strict) = (system(false).await, system(true).await);
    let (counts, lines) = smoke(&format!("{}/", lenient.base_url)).await;
    assert_eq!(counts, Counts { same: known + 1, redirected: 0, failed: 0 }, "{lines:#?}");
    let (counts, lines) = smoke(&strict.base_url).await;
    // The home page has only one form, for GET and for HEAD, and the unknown path is not redirected.
    assert_eq!(counts, Counts { same: 3, redirected: known - 2, failed: 0 }, "{lines:#?}");
    assert_eq!(lines.len(), known + 2, "one line a route, one for the unknown path, one with the counts");
    for (method, path) in not_found::ROUTES.iter().filter(|(_, path)| !path.contains('{')) {
        let has_line = |line: &&String| line.split_whitespace().take(2).eq([*method, *path]);
        assert_eq!(lines.iter().filter(has_line).count(), 1, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smoke_test_sends_nothing_and_writes_nothing_but_a_count_of_its_questions() {
    let system = system(false).await;
    let client = local::dynamodb(&system.variables).unwrap();
    let items = async || client.scan().table_name(local::TABLE).send().await.unwrap().items.unwrap();
    let before = items().await;
    smoke(&system.base_url).await;
    assert!(system.mailbox.all().is_empty());
    let mut made = items().await;
    made.retain(|item| !before.contains(item));
    // `check_mobile` and `forget_pwd_mobile` count the requests of a source.
    let [count] = made.as_slice() else { panic!("{made:#?}") };
    assert!(count[keys::PARTITION].as_s().unwrap().contains("#probes#"), "{count:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smoke_test_sees_a_gateway_that_has_no_route() {
    let system = system(false).await;
    let both = faulty(&system, |_, path| path.starts_with("/users/login").then(no_route)).await;
    let failed = failures(&both).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].starts_with("POST   /users/login "), "{failed:?}");
    assert!(failed[0].ends_with("FAILED without the slash it answers 404: no function of ours answers"), "{failed:?}");

    let with_slash = faulty(&system, |_, path| (path.len() > 1 && path.ends_with('/')).then(no_route)).await;
    let failed = failures(&with_slash).await;
    assert_eq!(failed.len(), not_found::ROUTES.len() - 1, "all but the home page, and the unknown path: {failed:?}");
    assert!(failed.iter().all(|line| line.contains("FAILED with the slash it answers 404")), "{failed:?}");

    let nothing = failures(&listen(axum::Router::new().fallback(|| async { no_route() })).await).await;
    assert_eq!(nothing.len(), not_found::ROUTES.len() + 1, "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smoke_test_sees_a_route_that_leads_to_another_function_or_to_not_found() {
    let system = system(false).await;
    let away: Fault = |method, path| match path {
        "/users/me/" if method == Method::GET => Some(redirect("//evil.example/users/me")),
        "/login/" => Some(redirect("/register")),
        "/secure/" => Some(axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        "/users/logout" => Some(([("x-content-type-options", "nosniff")], "done").into_response()),
        // This is the answer of not-found if the gateway does not know the route.
        "/register" => Some((axum::http::StatusCode::NOT_FOUND, [("x-error-code", "not_found")]).into_response()),
        _ => None,
    };
    let failed = failures(&faulty(&system, away).await).await.join("\n");
    for (path, reason) in [
        ("/users/me ", "with the slash it leads to \"//evil.example/users/me\" in place of /users/me"),
        ("/login ", "with the slash it leads to \"/register\" in place of /login"),
        ("/secure ", "with the slash it answers 500: the stack is in trouble"),
        ("/users/logout ", "without the slash it answers 200: the request is taken, though it should be refused"),
        ("/register ", "without the slash it answers 404 not_found: the gateway does not know this route"),
    ] {
        assert!(failed.lines().any(|line| line.contains(path) && line.ends_with(reason)), "{path}: {failed}");
    }
    assert_eq!(failed.lines().count(), 8, "three of the five are pages, which have HEAD too: {failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smoke_test_wants_the_domain_of_a_stack_s_cloudfront() {
    drop(Site::with_settings(&[]).await);
    let variables = [("ORIGIN_SECRET".to_owned(), "o".repeat(32))].into();
    let system = System::start(Options { variables, ..Options::default() }).await.unwrap();
    let failed = failures(&system.base_url).await;
    assert_eq!(failed.len(), not_found::ROUTES.len() + 1, "{failed:?}");
    let hint = "403 past_cloudfront: ask by the domain of the stack's CloudFront";
    // The other failures are the file that only the home page names, for GET and for HEAD, and the unknown path.
    assert_eq!(failed.iter().filter(|line| line.contains(hint)).count(), not_found::ROUTES.len() - 2, "{failed:?}");
}

/// Runs the command as a process.
async fn command(url: &str) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(["smoke", url]);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (run.status.code(), String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_exits_with_0_1_or_2_and_says_why() {
    let system = system(true).await;
    let (status, said) = command(&system.base_url).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.ends_with(&format!("3 same, {} redirected, 0 failed\n", not_found::ROUTES.len() - 2)), "{said}");
    let broken = faulty(&system, |_, path| (path == "/login").then(no_route)).await;
    assert_eq!(command(&broken).await.0, Some(1));
    let (status, said) = command("http://127.0.0.1:1").await;
    assert!(status == Some(1) && said.starts_with("http://127.0.0.1:1/ cannot be reached: "), "{status:?} {said}");
    let (status, said) = command("ftp://127.0.0.1").await;
    assert!(status == Some(2) && said.starts_with("smoke takes http:// or https://"), "{status:?} {said}");
    let unreachable = run(&Address::parse("http://127.0.0.1:1").unwrap(), &mut Vec::new()).await;
    assert!(matches!(unreachable, Err(SmokeError::Unreachable { .. })));
}

/// Sends a request line unchanged, which no client library would do. Returns the head of the answer.
async fn raw(system: &System, line: &str) -> String {
    let host = system.base_url.strip_prefix("http://").unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nhost: {host}\r\norigin: http://localhost:5173\r\nconnection: close\r\n\r\n");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let exchange = move || {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = tokio::task::spawn_blocking(exchange).await.unwrap();
    answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_stays_on_its_route_whatever_the_path_is() {
    let system = system(true).await;
    let redirected = raw(&system, "POST /users/login/?a=%0d%0ab&c=//d").await;
    assert!(redirected.starts_with("http/1.1 308 "), "{redirected}");
    for header in [
        "location: /users/login?a=%0d%0ab&c=//d",
        "cache-control: no-store",
        "access-control-allow-origin: http://localhost:5173",
    ] {
        assert!(redirected.lines().any(|line| line == header), "{header}: {redirected}");
    }
    for (path, location) in [
        ("/users/mobile/%0d%0aset-cookie:a/", "/users/mobile/%0d%0aset-cookie%3aa"),
        ("/users/mobile/\\\\evil.example/", "/users/mobile/%5c%5cevil.example"),
        ("/users/mobile/@evil.example/?\\", "/users/mobile/%40evil.example?%5c"),
    ] {
        let answer = raw(&system, &format!("GET {path}")).await;
        assert!(answer.starts_with("http/1.1 308 "), "{path}: {answer}");
        assert!(answer.lines().any(|line| line == format!("location: {location}")), "{path}: {answer}");
        assert!(!answer.lines().any(|line| line.starts_with("set-cookie")), "{path}: {answer}");
    }
    for path in [
        "//evil.example/users/",
        "//evil.example/",
        "//",
        "/\\evil.example/",
        "/%2e%2e/",
        "/users//",
        "/users/login//",
        "/users/sms/%2F%2Fevil/",
        "/users/mobile/%2e%2e/",
        "/users/mobile/../",
    ] {
        let answer = raw(&system, &format!("GET {path}")).await;
        assert!(answer.starts_with("http/1.1 40") && !answer.contains("location:"), "{path}: {answer}");
    }
    let long = raw(&system, &format!("GET /users/mobile/{}/", "1".repeat(9_000))).await;
    assert!(long.starts_with("http/1.1 404 "), "{long}");
}
