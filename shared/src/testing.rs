//! Support for the functions' own tests.

use lambda_http::{Body, Response};

use crate::app::App;
use crate::app::Clock;
use crate::config::{Config, Environment, Need};
use crate::dynamodb::Store;
use crate::http::Endpoint;

/// Answers an API Gateway event without a table. An event that is accepted up to its first use of the table gets 503,
/// so a test sees how far an event gets.
///
/// # Panics
/// If the text is not an event.
#[expect(clippy::expect_used, reason = "used by tests alone")]
pub async fn answer(endpoint: &Endpoint, event: &str) -> Response<Body> {
    let secrets = |name: &str| match name {
        name if name.ends_with("_SECRET") && name != "ORIGIN_SECRET" => Some("c".repeat(32)),
        _ => None,
    };
    let needs: Vec<_> =
        endpoint.needs.iter().copied().filter(|need| !matches!(need, Need::Table | Need::TokenKeys)).collect();
    let config = Config::read(&Environment::new(&secrets), &needs).expect("the test's settings are well-formed");
    let mut app = App::new(config, Clock::default(), &needs).expect("an application without a table starts");
    app.store = Store::down();
    let request = lambda_http::request::from_str(event).expect("the event is one of API Gateway's");
    endpoint.answer(&app, request).await
}
