//! `POST /users/me/export/`: returns what is stored about the signed-in person, except hashes and what `docs/api.md`
//! lists.

use serde::Serialize;
use shared::accounts::{self, Export, StoredCode};
use shared::config::Need;
use shared::credentials::Counter;
use shared::domain::{
    CodePurpose, DeviceUse, Email, Language, Mobile, Nickname, Session, SessionId, Timestamp, User, UserId, Username,
};
use shared::http::{Digits, Endpoint, ErrorFormat, Reply, Request};
use shared::sessions;
use shared::{App, Error};

pub const ENDPOINT: Endpoint = Endpoint {
    name: "export",
    error_format: ErrorFormat::Detail,
    needs: &[Need::Table, Need::CODES, Need::VISITORS, Need::SESSIONS, Need::TokenKeys, Need::PasswordHashing],
    handle: |app, request| Box::pin(export(app, request)),
};

#[derive(Serialize)]
struct Exported<'a> {
    exported_at: String,
    account: ExportedAccount<'a>,
    sessions: Vec<ExportedSession<'a>>,
    codes: Vec<ExportedCode>,
    counters: Vec<ExportedCounter>,
}

#[derive(Serialize)]
struct ExportedAccount<'a> {
    id: &'a UserId,
    username: Option<&'a Username>,
    reserved_username: Option<&'a Username>,
    username_reserved_until: Option<String>,
    nickname: &'a Nickname,
    mobile: Option<&'a str>,
    email: Option<&'a Email>,
    avatar: &'a str,
    language: Option<Language>,
    has_password: bool,
    credential_version: u64,
    credentials_changed_at: Option<String>,
    created_at: String,
    last_used_at: Option<String>,
    mobile_changed_at: Option<String>,
    email_changed_at: Option<String>,
    consent: Option<ExportedConsent<'a>>,
    pending_email: Option<&'a Email>,
    pending_mobile: Option<&'a str>,
    mobile_proved_at: Option<String>,
    guessed_at: Option<String>,
    guessing_texted_at: Option<String>,
    known_devices: Vec<ExportedDevice<'a>>,
    recovery: Option<ExportedRecovery>,
}

#[derive(Serialize)]
struct ExportedDevice<'a> {
    id: &'a str,
    last_used_on: String,
    came_back: bool,
    wrong_passwords: u32,
    last_wrong_password_at: Option<String>,
}

#[derive(Serialize)]
struct ExportedRecovery {
    asked_at: String,
    opens_at: String,
    ends_at: String,
}

#[derive(Serialize)]
struct ExportedConsent<'a> {
    terms: &'a str,
    privacy: &'a str,
    at: String,
}

#[derive(Serialize)]
struct ExportedSession<'a> {
    id: &'a SessionId,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    device: &'a str,
    address: &'a str,
    remembered: bool,
}

#[derive(Serialize)]
struct ExportedCode {
    purpose: CodePurpose,
    guesses: u32,
    expires_at: String,
}

#[derive(Serialize)]
struct ExportedCounter {
    what: &'static str,
    count: u64,
    times: Vec<String>,
    expires_at: String,
}

async fn export(app: &App, request: &Request) -> Result<Reply, Error> {
    let caller = request.caller(app);
    let principal = sessions::authorize(app, &caller, request.bearer()).await?;
    let proof = request.json()?.proof(Digits::Pasted)?;
    let Export { user, sessions, codes, counters, exported_at } =
        accounts::export(app, &caller, &principal, &proof).await?;
    Reply::ok(&Exported {
        exported_at: exported_at.rfc3339(),
        account: account(&user),
        sessions: sessions.iter().map(session).collect(),
        codes: codes.iter().map(code).collect(),
        counters: counters.iter().map(counter).collect(),
    })
}

fn account(user: &User) -> ExportedAccount<'_> {
    ExportedAccount {
        id: &user.id,
        username: user.username.as_ref(),
        reserved_username: user.reserved_username.as_ref(),
        username_reserved_until: user.username_reserved_until.map(Timestamp::rfc3339),
        nickname: &user.nickname,
        mobile: user.mobile.as_ref().map(Mobile::as_str),
        email: user.email.as_ref(),
        avatar: &user.avatar,
        language: user.language,
        has_password: user.password_hash.is_some(),
        credential_version: user.credential_version,
        credentials_changed_at: user.credentials_changed_at.map(Timestamp::rfc3339),
        created_at: user.created_at.rfc3339(),
        last_used_at: user.last_used_at.map(Timestamp::rfc3339),
        mobile_changed_at: user.mobile_changed_at.map(Timestamp::rfc3339),
        email_changed_at: user.email_changed_at.map(Timestamp::rfc3339),
        consent: user.consent.as_ref().map(|consent| ExportedConsent {
            terms: &consent.terms,
            privacy: &consent.privacy,
            at: consent.at.rfc3339(),
        }),
        pending_email: user.pending_email.as_ref(),
        pending_mobile: user.pending_mobile.as_ref().map(Mobile::as_str),
        mobile_proved_at: user.mobile_proved_at.map(Timestamp::rfc3339),
        guessed_at: user.guessed_at.map(Timestamp::rfc3339),
        guessing_texted_at: user.guessing_texted_at.map(Timestamp::rfc3339),
        known_devices: user.devices.iter().map(device).collect(),
        recovery: user.recovery.as_ref().map(|recovery| ExportedRecovery {
            asked_at: recovery.asked_at.rfc3339(),
            opens_at: recovery.opens_at.rfc3339(),
            ends_at: recovery.ends_at.rfc3339(),
        }),
    }
}

fn device<'a>((id, used): (&'a String, &DeviceUse)) -> ExportedDevice<'a> {
    ExportedDevice {
        id,
        last_used_on: Timestamp::from_unix_seconds(used.day * 86_400).utc_date(),
        came_back: used.came_back,
        wrong_passwords: used.password_failures.unwrap_or(0),
        last_wrong_password_at: used.password_tried_at.map(Timestamp::rfc3339),
    }
}

fn session(session: &Session) -> ExportedSession<'_> {
    ExportedSession {
        id: &session.id,
        created_at: session.created_at.rfc3339(),
        last_used_at: session.last_used_at.rfc3339(),
        expires_at: session.expires_at.min(session.ends_at).rfc3339(),
        device: &session.client.device,
        address: &session.client.address,
        remembered: session.remembered,
    }
}

fn code(code: &StoredCode) -> ExportedCode {
    ExportedCode { purpose: code.purpose, guesses: code.guesses, expires_at: code.expires_at.rfc3339() }
}

fn counter(counter: &Counter) -> ExportedCounter {
    ExportedCounter {
        what: counter.what,
        count: counter.count,
        times: counter.times.iter().map(|at| at.rfc3339()).collect(),
        expires_at: counter.expires_at.rfc3339(),
    }
}
