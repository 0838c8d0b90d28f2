//! Which route a request takes, as API Gateway chooses: a literal segment goes before a parameter, and what no route takes
//! goes to `$default`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;

use crate::gateway::Function;
use crate::template::Route;

/// The path of the route that takes what no other does.
pub const DEFAULT: &str = "$default";

/// Every route, and the function behind it.
#[derive(Debug)]
pub struct Router {
    routes: Vec<(Route, Arc<Function>)>,
    /// The place of a route in `routes`, by method and path.
    by_method: BTreeMap<String, matchit::Router<usize>>,
}

/// A route that takes a request, its parameters, and the function behind it.
pub type Taken<'a> = (&'a Route, BTreeMap<String, String>, &'a Function);

impl Router {
    /// Of these routes. Two that take the same requests are an error.
    pub fn new(routes: Vec<(Route, Arc<Function>)>) -> Result<Self, matchit::InsertError> {
        let mut by_method: BTreeMap<String, matchit::Router<usize>> = BTreeMap::new();
        for (place, (route, _)) in routes.iter().enumerate().filter(|(_, (route, _))| route.path != DEFAULT) {
            by_method.entry(route.method.clone()).or_default().insert(route.path.as_str(), place)?;
        }
        Ok(Self { routes, by_method })
    }

    /// The functions, once for each route of theirs.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.routes.iter().map(|(_, function)| function.as_ref())
    }

    /// The route that takes this request.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<Taken<'_>> {
        let matched = self.by_method.get(method.as_str()).and_then(|router| router.at(path).ok());
        let Some(matched) = matched else {
            let default = self.routes.iter().find(|(route, _)| route.path == DEFAULT);
            return default.map(|(route, function)| (route, BTreeMap::new(), function.as_ref()));
        };
        let (route, function) = self.routes.get(*matched.value)?;
        let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let parameters = matched.params.iter().map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        Some((route, parameters, function))
    }
}
