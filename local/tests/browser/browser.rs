//! A browser used as a person uses it: by typing, clicking and looking. A test fails if a page's script reports a
//! problem.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, Key, WebDriver, WebElement};

/// The longest that a person would wait for something to appear.
const PATIENCE: Duration = Duration::from_secs(15);

/// Records the problems of all pages of a tab: uncaught errors, console errors, and violations of the content security
/// policy.
const WATCH: &str = r"
    const note = (text) => sessionStorage.setItem('problems', (sessionStorage.getItem('problems') || '') + text + '\n');
    addEventListener('error', (event) => note('error: ' + event.message));
    addEventListener('unhandledrejection', (event) => note('rejection: ' + event.reason));
    addEventListener('securitypolicyviolation', (event) => note('policy: ' + event.violatedDirective + ' ' + event.blockedURI));
    const told = console.error;
    console.error = (...words) => { note('console: ' + words.join(' ')); told(...words); };
";

/// The language and the screen width of a person.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub english: bool,
    pub phone: bool,
}

pub const SETUPS: [Setup; 2] = [Setup { english: false, phone: true }, Setup { english: true, phone: false }];

pub struct Browser {
    driver: WebDriver,
    process: Child,
    base_url: String,
    pub is_phone: bool,
}

impl Browser {
    pub async fn start(base_url: &str, setup: Setup) -> Self {
        Self::start_with(base_url, setup, json!({})).await
    }

    /// Starts a browser with changed preferences.
    pub async fn start_with(base_url: &str, setup: Setup, mut preferences: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let language = if setup.english { "en-US" } else { "zh-CN" };
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        preferences["intl.accept_languages"] = language.into();
        capabilities.add_experimental_option("prefs", preferences).unwrap();
        let driver = connect(&format!("http://127.0.0.1:{port}"), capabilities).await;
        let browser = Self { driver, process, base_url: base_url.to_owned(), is_phone: setup.phone };
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        browser.set_width(if setup.phone { 375 } else { 1280 }).await;
        browser
    }

    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(command, parameters).await.unwrap()
    }

    /// Runs a script in every later page, before the page's own scripts. Returns a name by which [`Self::without`]
    /// removes it.
    pub async fn before_scripts(&self, source: &str) -> Value {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await
    }

    pub async fn without(&self, name: Value) {
        self.cdp("Page.removeScriptToEvaluateOnNewDocument", name).await;
    }

    /// Blocks every request to an address of this form.
    pub async fn block(&self, addresses: &[&str]) {
        self.cdp("Network.enable", json!({})).await;
        // Without a cache, the browser requests files again that it has loaded before.
        self.cdp("Network.setCacheDisabled", json!({ "cacheDisabled": true })).await;
        self.cdp("Network.setBlockedURLs", json!({ "urls": addresses })).await;
    }

    pub async fn set_width(&self, width: u32) {
        let phone = width < 600;
        let height = if phone { 740 } else { 860 };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub async fn set_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.cdp("Emulation.setEmulatedMedia", features).await;
    }

    pub async fn set_offline(&self, offline: bool) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }

    /// Opens a path of the site, or an address from a mail, and waits until its scripts have run.
    pub async fn open(&self, path: &str) {
        let address = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base_url) };
        self.driver.goto(address).await.unwrap();
        // On a busy machine the driver may return before that.
        self.until("document.readyState === 'complete'").await;
    }

    pub async fn js(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn until(&self, expression: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        let script = format!("return Boolean({expression})");
        async move {
            let started = Instant::now();
            // A page that is being replaced does not answer.
            while self.driver.execute(&script, Vec::new()).await.ok().and_then(|answer| answer.json().as_bool())
                != Some(true)
            {
                if started.elapsed() > PATIENCE {
                    let page =
                        self.driver.execute("return location.href + '\\n' + document.body.innerText", Vec::new()).await;
                    panic!("{place}: never true: {script}\n{:?}", page.map(|page| page.json().clone()));
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
    }

    /// Waits until the page at a path has loaded.
    pub async fn at(&self, path: &str) {
        self.until(&format!("location.pathname === '{path}' && document.readyState === 'complete'")).await;
    }

    /// Waits until an element is visible, and returns it.
    pub async fn see(&self, id: &str) -> WebElement {
        self.until(&format!("document.getElementById('{id}')?.checkVisibility()")).await;
        self.driver.find(By::Id(id)).await.unwrap()
    }

    pub async fn fill(&self, id: &str, text: &str) {
        let field = self.see(id).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub async fn click(&self, id: &str) {
        let element = self.see(id).await;
        self.until(&format!("!document.getElementById('{id}').disabled")).await;
        element.scroll_into_view().await.unwrap();
        element.click().await.unwrap();
    }

    /// Submits the form with this id by its button.
    pub async fn submit(&self, form: &str) {
        self.see(form).await;
        let button = format!("#{form} button[type=submit]");
        self.until(&format!("document.querySelector('{button}')?.disabled === false")).await;
        let button = self.driver.find(By::Css(button)).await.unwrap();
        button.scroll_into_view().await.unwrap();
        button.click().await.unwrap();
    }

    pub async fn press(&self, id: &str, key: Key) {
        self.see(id).await.send_keys(key.value().to_string()).await.unwrap();
    }

    /// Waits until the element contains this text.
    pub async fn says(&self, id: &str, text: &str) {
        let text = text.replace('\'', "\\'");
        self.until(&format!("document.getElementById('{id}')?.textContent.includes('{text}')")).await;
    }

    /// Waits until the form's status contains this text.
    pub async fn status_says(&self, form: &str, text: &str) {
        self.until(&format!("document.querySelector('#{form} .status')?.textContent.includes('{text}')")).await;
    }

    /// Signs in by password, which leads to the account page.
    pub async fn sign_in(&self, name: &str, password: &str) {
        self.open("/login").await;
        self.fill("username", name).await;
        self.fill("password", password).await;
        self.submit("by-password").await;
        self.at("/users").await;
        self.see("devices").await;
    }

    /// Opens a row of the account page. An open row stays open.
    pub async fn open_row(&self, id: &str) {
        self.see(id).await;
        let script = "row.open || row.querySelector('summary').click()";
        self.js(&format!("const row = document.getElementById('{id}'); {script}")).await;
    }

    /// Opens the account page as it is long after the sign-in, when it asks for a proof again.
    pub async fn come_back_later(&self) {
        self.js("sessionStorage.removeItem('reauthentication')").await;
        self.open("/users").await;
        self.see("devices").await;
    }

    pub async fn path(&self) -> String {
        self.js("return location.pathname + location.search").await.as_str().unwrap().to_owned()
    }

    pub async fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let shot = self.cdp("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Asserts that a page reported this problem, and clears the report.
    pub async fn complained(&self, of: &str) {
        let problems = self.js("return sessionStorage.getItem('problems')").await;
        assert!(problems.as_str().is_some_and(|text| text.contains(of)), "{of}: {problems}");
        self.js("sessionStorage.removeItem('problems')").await;
    }

    /// Closes the browser. Fails if a page reported a problem.
    pub async fn close(self) {
        let problems = self.js("return sessionStorage.getItem('problems')").await;
        assert_eq!(problems, Value::Null, "a page complained");
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn connect(address: &str, capabilities: thirtyfour::ChromeCapabilities) -> WebDriver {
    let started = Instant::now();
    loop {
        match WebDriver::new(address, capabilities.clone()).await {
            Ok(driver) => return driver,
            Err(error) if started.elapsed() > PATIENCE * 2 => panic!("the browser does not start: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
