//! `$default`: answers what no route takes. A path that other methods have is 405, any other 404.

use shared::http::{Dialect, Endpoint, Reply, Request};
use shared::{App, Error};

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "not-found",
    dialect: Dialect::Detail,
    needs: &[],
    handle: |app, request| Box::pin(not_found(app, request)),
};

/// Every route of the template but `$default`; a test of `local` holds the two one to one.
pub const ROUTES: &[(&str, &str)] = &[
    ("POST", "/users/login"),
    ("GET", "/users/captcha"),
    ("POST", "/users"),
    ("GET", "/users/sms/{mobile}"),
    ("POST", "/users/sms/{mobile}"),
    ("GET", "/users/mobile/{mobile}"),
    ("GET", "/users/find/password"),
    ("POST", "/users/find/password"),
    ("PUT", "/users/find/password"),
    ("POST", "/users/find/password/email"),
    ("POST", "/users/secure"),
    ("GET", "/users/me"),
    ("POST", "/users/me/email"),
    ("PUT", "/users/me/email"),
    ("POST", "/users/me/sms"),
    ("POST", "/users/token/refresh"),
    ("POST", "/users/logout"),
    ("GET", "/users/me/sessions"),
    ("DELETE", "/users/me/sessions/{id}"),
    ("PATCH", "/users/me"),
    ("DELETE", "/users/me"),
    ("PUT", "/users/me/password"),
    ("PUT", "/users/me/mobile"),
    ("POST", "/users/sms_login"),
    ("POST", "/users/me/export"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/forget_pwd"),
    ("GET", "/"),
    ("GET", "/login"),
    ("GET", "/user/login"),
    ("GET", "/register"),
    ("GET", "/user/register"),
    ("GET", "/find_password"),
    ("GET", "/reset_password"),
    ("GET", "/secure"),
    ("GET", "/users"),
    ("GET", "/assets/{version}/{file}"),
    ("POST", "/forget_pwd"),
    ("GET", "/forget_pwd/mobiles/{mobile}"),
    ("POST", "/forget_pwd/sms_code"),
];

async fn not_found(_: &App, request: &Request) -> Result<Reply, Error> {
    let methods = methods_of(request.path());
    if methods.is_empty() { Err(Error::NotFound) } else { Err(Error::MethodNotAllowed { allow: methods.join(", ") }) }
}

fn methods_of(path: &str) -> Vec<&'static str> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    ROUTES.iter().filter(|(_, route)| matches(route, path)).map(|(method, _)| *method).collect()
}

fn matches(route: &str, path: &str) -> bool {
    let same = |(one, other): (&str, &str)| one == other || (one.starts_with('{') && !other.is_empty());
    route.split('/').count() == path.split('/').count() && route.split('/').zip(path.split('/')).all(same)
}

#[cfg(test)]
mod tests {
    use super::methods_of;

    #[tokio::test]
    async fn its_event_asks_for_a_path_that_is_not_there() {
        let reply = shared::testing::answer(&super::ENDPOINT, include_str!("../../../events/not-found.json")).await;
        assert_eq!(reply.status(), 404);
        assert_eq!(reply.headers()["x-error-code"], "not_found");
    }

    #[test]
    fn a_known_path_lists_its_methods_with_and_without_the_slash() {
        assert_eq!(methods_of("/users/find/password/"), ["GET", "POST", "PUT"]);
        assert_eq!(methods_of("/users"), ["POST", "GET"]);
        assert_eq!(methods_of("/"), ["GET"]);
        assert_eq!(methods_of("/users/sms/13800000000"), ["GET", "POST"]);
        for unknown in ["", "/users/sms/", "/users/sms//", "/users/x/y/z", "/users//"] {
            assert!(methods_of(unknown).is_empty(), "{unknown}");
        }
    }
}
