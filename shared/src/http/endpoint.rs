//! An endpoint: a handler, the error format it tells errors in, and what it needs to run.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use lambda_http::http::Method;
use lambda_http::{Body, Response};

use super::{ErrorFormat, Reply, Request};
use crate::app::App;
use crate::config::Need;
use crate::error::{Error, error_chain};

/// What a handler returns.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>;

/// One endpoint, the same in its Lambda binary and in `local`.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The function's one name: its folder, its event file, its resource in the template.
    pub name: &'static str,
    /// How it tells errors.
    pub error_format: ErrorFormat,
    /// What it refuses to start without.
    pub needs: &'static [Need],
    pub handle: for<'a> fn(&'a App, &'a Request) -> HandlerFuture<'a>,
}

impl Endpoint {
    /// Answers a request, whatever it is, and logs one line about it.
    pub async fn answer(&self, app: &App, request: lambda_http::Request) -> Response<Body> {
        let started = Instant::now();
        let request = Request::from(request);
        let result = match request.refuse_past_cloudfront(app) {
            Ok(()) => (self.handle)(app, &request).await,
            Err(error) => Err(error),
        };
        let reply = result.unwrap_or_else(Reply::refusal);
        let (reply, error) = reply.told(|error| self.error_format.tell(error, request.language(), request.method()));
        self.log(app, &request, &reply, error.as_ref(), started);
        // RFC 9110 §9.3.2: the header fields of the answer to GET, and no body.
        let reply = if *request.method() == Method::HEAD { reply.without_body() } else { reply };
        reply.into_response()
    }

    /// One line: what was asked, by whom and from where, and what came of it. It is the audit line of every event that has
    /// to do with an account (ASVS 16.3.1).
    fn log(&self, app: &App, request: &Request, reply: &Reply, error: Option<&Error>, started: Instant) {
        let (status, code) = (reply.status(), error.map(Error::code));
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (function, route, request_id) = (self.name, request.route(), request.id());
        let (who, caller) = (request.who(), request.source(app));
        let failure = match error {
            Some(Error::Unavailable { doing, source } | Error::Internal { doing, source }) => Some((doing, source)),
            _ => None,
        };
        // An error is logged once, here, where it is handled. Its cause is for operators and is in no answer.
        if let Some((doing, source)) = failure {
            let cause = error_chain(source.as_ref());
            tracing::error!(
                function,
                route,
                request_id,
                who,
                source = caller,
                status,
                code,
                milliseconds,
                doing,
                cause,
                "failed"
            );
        } else {
            tracing::info!(function, route, request_id, who, source = caller, status, code, milliseconds, "answered");
        }
    }
}
