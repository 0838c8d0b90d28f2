//! `GET /users/me/sessions/`: lists the devices that the person is signed in on.

use serde::Serialize;
use shared::accounts;
use shared::config::Need;
use shared::domain::{Session, SessionId};
use shared::http::{Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "list-sessions",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::TokenKeys],
    handle: |app, request| Box::pin(list_sessions(app, request)),
};

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a SessionId,
    created_at: String,
    last_used_at: String,
    device: &'a str,
    address: &'a str,
    current: bool,
}

async fn list_sessions(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let sessions = accounts::list_sessions(app, &principal.user).await?;
    let unknown = caller.language.pick("未知设备", "Unknown device");
    let listed = sessions.iter().map(|session| Listed::new(session, &principal.session, unknown));
    Reply::ok(&listed.collect::<Vec<_>>())
}

impl<'a> Listed<'a> {
    fn new(session: &'a Session, current: &Session, unknown: &'a str) -> Self {
        let device = &session.client.device;
        Self {
            id: &session.id,
            created_at: session.created_at.rfc3339(),
            last_used_at: session.last_used_at.rfc3339(),
            device: if device.is_empty() { unknown } else { device },
            address: &session.client.address,
            current: session.id == current.id,
        }
    }
}
