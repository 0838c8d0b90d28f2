//! Answers that do not arrive. A network between the browser and the system loses some of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{Browser, SETUPS};
use crate::site::{PASSWORD, Site};

const REFRESH: &[u8] = b"POST /users/token/refresh/";

/// A network that carries every request and loses the answers to the next `to_lose` refreshes. Nothing arrives, and the
/// connection stays open.
struct Network {
    address: String,
    to_lose: Arc<AtomicU32>,
    refreshes: Arc<AtomicU32>,
}

impl Network {
    /// Starts a site that the browser reaches only through this network.
    async fn with_site() -> (Self, Site) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let site = Site::with_settings(&[("CLIENT_HOST", &address)]).await;
        let system = site.base_url.rsplit('/').next().unwrap().to_owned();
        let (to_lose, refreshes) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let network = Self { address, to_lose: Arc::clone(&to_lose), refreshes: Arc::clone(&refreshes) };
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let system = TcpStream::connect(&system).await.unwrap();
                tokio::spawn(carry(browser, system, Arc::clone(&to_lose), Arc::clone(&refreshes)));
            }
        });
        (network, site)
    }
}

async fn carry(browser: TcpStream, system: TcpStream, to_lose: Arc<AtomicU32>, refreshes: Arc<AtomicU32>) {
    let (mut from_browser, mut to_browser) = browser.into_split();
    let (mut from_system, mut to_system) = system.into_split();
    let lost = Arc::new(AtomicU32::new(0));
    let is_lost = Arc::clone(&lost);
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from_system.read(&mut buffer).await {
            if is_lost.load(Ordering::SeqCst) == 0 && to_browser.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = from_browser.read(&mut buffer).await {
        if buffer[..length].starts_with(REFRESH) {
            refreshes.fetch_add(1, Ordering::SeqCst);
            let left = |left: u32| left.checked_sub(1);
            if to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
                lost.store(1, Ordering::SeqCst);
            }
        }
        if to_system.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

/// Shortens a timer of ten seconds, and no other, to a fifth of a second.
const HURRY: &str = r"
    const wait = window.setTimeout;
    window.setTimeout = (act, milliseconds, ...rest) => wait(act, milliseconds === 10_000 ? 200 : milliseconds, ...rest);
";

async fn signed_in(network: &Network, mobile: &str) -> Browser {
    let browser = Browser::start(&network.address, SETUPS[0]).await;
    browser.before_scripts(HURRY).await;
    browser.open("/login").await;
    browser.fill("username", mobile).await;
    browser.fill("password", PASSWORD).await;
    browser.submit("by-password").await;
    browser.at("/users").await;
    browser.see("devices").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_answer_is_lost_is_repeated_at_once_and_nobody_is_signed_out() {
    let (network, site) = Network::with_site().await;
    let person = site.register().await;
    let browser = signed_in(&network, &person.mobile).await;
    let before = network.refreshes.load(Ordering::SeqCst);
    network.to_lose.store(1, Ordering::SeqCst);
    browser.open("/users").await;
    browser.says("nickname-item-value", "小明").await;
    assert_eq!(network.refreshes.load(Ordering::SeqCst) - before, 2, "once more, and no more");
    browser.open("/users").await;
    browser.says("nickname-item-value", "小明").await;
    // If no answer arrives at all, the page says so and stays.
    network.to_lose.store(u32::MAX, Ordering::SeqCst);
    browser.open("/users").await;
    browser.says("loading", "网络连接失败").await;
    network.to_lose.store(0, Ordering::SeqCst);
    browser.open("/users").await;
    browser.says("nickname-item-value", "小明").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_a_session_in_words_without_alarm() {
    for setup in SETUPS {
        let site = Site::with_settings(&[]).await;
        let browser = Browser::start(&site.base_url, setup).await;
        browser
            .before_scripts(
                r#"
                const send = window.fetch;
                window.fetch = (path, init) => String(path).includes("/token/refresh/")
                    ? Promise.resolve(new Response('{"detail":"-","code":"credentials_changed"}', {
                        status: 401,
                        headers: { "Content-Type": "application/json", "X-Error-Code": "credentials_changed" },
                      }))
                    : send(path, init);
                "#,
            )
            .await;
        browser.open("/users").await;
        browser.at("/login").await;
        assert!(browser.path().await.contains("reason=credentials_changed"));
        browser.says("reason", if setup.english { "may have changed" } else { "可能已修改" }).await;
        browser.close().await;
    }
}
