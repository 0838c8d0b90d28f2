//! Selects the route of a request as API Gateway does. A literal segment wins over a parameter, and a request that no
//! route matches goes to `$default`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;

use crate::gateway::Function;
use crate::template::Route;

/// The path of the route for requests that no other route matches.
pub const DEFAULT: &str = "$default";

#[derive(Debug)]
pub struct Router {
    routes: Vec<(Route, Arc<Function>)>,
    /// Positions in `routes`, by method and path.
    by_method: BTreeMap<String, matchit::Router<usize>>,
}

/// The route of a request, its path parameters, and the function behind it.
pub type RouteMatch<'a> = (&'a Route, BTreeMap<String, String>, &'a Function);

impl Router {
    /// Creates a router. Fails if two routes match the same requests.
    pub fn new(routes: Vec<(Route, Arc<Function>)>) -> Result<Self, matchit::InsertError> {
        let mut by_method: BTreeMap<String, matchit::Router<usize>> = BTreeMap::new();
        for (place, (route, _)) in routes.iter().enumerate().filter(|(_, (route, _))| route.path != DEFAULT) {
            by_method.entry(route.method.clone()).or_default().insert(route.path.as_str(), place)?;
        }
        Ok(Self { routes, by_method })
    }

    /// Returns the functions. A function with several routes appears once for each.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.routes.iter().map(|(_, function)| function.as_ref())
    }

    /// Returns the route of a request.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<RouteMatch<'_>> {
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
