//! An endpoint: a handler, its error format and its needs.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use lambda_http::http::Method;
use lambda_http::{Body, Response};

use super::{ErrorFormat, Reply, Request};
use crate::app::App;
use crate::config::Need;
use crate::error::{Error, error_chain};

/// The return type of a handler.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>;

/// An endpoint. Its Lambda binary and `local` run the same one.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The name of the function. Its folder, its event file and its resource in the template have the same name.
    pub name: &'static str,
    pub error_format: ErrorFormat,
    /// The needs of the function. It does not start without them.
    pub needs: &'static [Need],
    pub handle: for<'a> fn(&'a App, &'a Request) -> HandlerFuture<'a>,
}

impl Endpoint {
    /// Answers any request, and logs one line about it.
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
        // RFC 9110 §9.3.2: an answer to HEAD has the header fields of the answer to GET, and no body.
        let reply = if *request.method() == Method::HEAD { reply.without_body() } else { reply };
        reply.into_response()
    }

    /// Logs one line: the request, the account or recipient that it is about, its source, and the result. For every
    /// event of an account, this is its line in the audit log (ASVS 16.3.1).
    fn log(&self, app: &App, request: &Request, reply: &Reply, error: Option<&Error>, started: Instant) {
        let (status, code) = (reply.status(), error.map(Error::code));
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (function, route, request_id) = (self.name, request.route(), request.id());
        let (who, source) = (request.who(), request.logged_source(app));
        let source = &*source;
        let failure = match error {
            Some(Error::Unavailable { doing, source } | Error::Internal { doing, source }) => Some((doing, source)),
            _ => None,
        };
        // An error is logged only here, where it is handled. Its cause is for operators and never part of an answer.
        if let Some((doing, cause)) = failure {
            let cause = error_chain(cause.as_ref());
            tracing::error!(
                function,
                route,
                request_id,
                who,
                source,
                status,
                code,
                milliseconds,
                doing,
                cause,
                "failed"
            );
        } else {
            tracing::info!(function, route, request_id, who, source, status, code, milliseconds, "answered");
        }
    }
}
