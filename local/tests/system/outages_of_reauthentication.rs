//! The requests of `outages` that are about reauthentication: obtaining one, and using one.

use reqwest::Method;
use serde_json::json;
use shared::domain::{CodeKey, Mobile, UserId};

use crate::outage_cases::message;
use crate::outages::{Asked, Shows};
use crate::reauthentications::Arrival;
use crate::site::{PASSWORD, Site, new_email};

pub async fn reauthenticate(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "password": PASSWORD });
    Asked::new(Method::POST, "/users/me/reauthenticate/", body, Shows::Nothing).by(&person.token)
}

pub async fn reauthenticate_by_code(site: &Site) -> Asked {
    let person = site.register().await;
    let body = json!({ "sms_code": site.proof_code(&person).await });
    let code = CodeKey::reauthentication(&UserId::from(person.id.clone()), &Mobile::parse(&person.mobile).unwrap());
    Asked::new(Method::POST, "/users/me/reauthenticate/", body, Shows::UsedUp(code)).by(&person.token)
}

/// Deletes the account right after a sign-in, with the reauthentication from its answer.
pub async fn delete_account_at_once(site: &Site) -> Asked {
    let person = Arrival::of_somebody(site).await;
    let (body, shows) = (json!({ "reauthentication": person.reauthentication }), Shows::Refused(person.token.clone()));
    Asked::new(Method::DELETE, "/users/me/", body, shows).by(&person.token).at_once()
}

pub async fn export_at_once(site: &Site) -> Asked {
    let person = Arrival::of_somebody(site).await;
    let body = json!({ "reauthentication": person.reauthentication });
    Asked::new(Method::POST, "/users/me/export/", body, Shows::Nothing).by(&person.token).at_once()
}

pub async fn send_email_code_at_once(site: &Site) -> Asked {
    let (person, email) = (Arrival::of_somebody(site).await, new_email());
    let body = json!({ "email": email, "reauthentication": person.reauthentication });
    let shows = message(site, email).await;
    Asked::new(Method::POST, "/users/me/email/", body, shows).by(&person.token).at_once()
}
