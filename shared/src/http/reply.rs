//! Answers to requests.

use lambda_http::http::{HeaderName, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::error::Error;

/// An answer: status, headers and body. Every answer is `no-store` unless it says otherwise.
#[derive(Debug)]
pub struct Reply {
    /// The reason why the request is refused. The endpoint's error format adds the status and the code, and a body
    /// where this answer has none.
    refusal: Option<Error>,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    content_type: &'static str,
    body: Body,
}

impl Reply {
    /// Returns a 200 with a JSON body.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, Error> {
        Self::json(200, body)
    }

    /// Returns an answer with this status and a JSON body.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(body).map_err(|source| Error::internal("shaping an answer", source))?;
        Ok(Self::new(status, "application/json; charset=utf-8", Body::Text(text)))
    }

    /// Returns an answer with this status and a plain text.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", Body::Text(text.to_owned()))
    }

    #[must_use]
    pub fn no_content() -> Self {
        Self::new(204, "", Body::Empty)
    }

    /// Returns a 308 to a path of our own. Unlike after 301 and 302, clients keep method and body.
    #[must_use]
    pub fn permanent_redirect(path: &str) -> Self {
        Self::new(308, "", Body::Empty).with_header("location", path)
    }

    /// Returns a 200 with bytes of a media type: a page, a style or a script.
    #[must_use]
    pub fn bytes(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self::new(200, media_type, Body::Binary(bytes))
    }

    /// Returns a refusal that has headers of its own. A handler returns an [`Error`] for a refusal without any.
    #[must_use]
    pub fn refusal(error: Error) -> Self {
        Self::new(500, "", Body::Empty).refusing(error)
    }

    /// Turns the answer into a refusal. The status and the code become those of the error, and the body, if any, stays.
    #[must_use]
    pub fn refusing(self, error: Error) -> Self {
        Self { refusal: Some(error), ..self }
    }

    /// Returns the answer with the refusal as `tell` formats it, and the error, for the log.
    pub(super) fn told(mut self, tell: impl FnOnce(&Error) -> Self) -> (Self, Option<Error>) {
        let Some(error) = self.refusal.take() else { return (self, None) };
        let mut told = tell(&error);
        told.headers.append(&mut self.headers);
        if !self.content_type.is_empty() {
            (told.content_type, told.body) = (self.content_type, self.body);
        }
        (told, Some(error))
    }

    pub(super) fn new(status: u16, content_type: &'static str, body: Body) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { refusal: None, status, headers: Vec::new(), content_type, body }
    }

    /// Returns the answer without its body, but with the length that the body has (RFC 9110 §8.6). Without that header,
    /// servers write a length of 0.
    #[must_use]
    pub(super) fn without_body(self) -> Self {
        let length = match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) => bytes.len(),
            _ => return self,
        };
        Self { body: Body::Empty, ..self }.with_header("content-length", &length.to_string())
    }

    /// Adds a header. A value that a header cannot contain is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Returns the status, for the log.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the answer in the form that `lambda_http` takes.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        for (name, value) in self.headers {
            // A reply's own caching header replaces the default.
            if name == header::CACHE_CONTROL {
                headers.insert(name, value);
                continue;
            }
            headers.append(name, value);
        }
        response
    }
}
