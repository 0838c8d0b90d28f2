//! Checks the floors of this crate, the order of its modules. A module uses only modules of its own floor and of the
//! floors before it, so that it can be read and changed without those after it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Item, ItemMod, ItemUse, UseTree, Visibility};

/// The floors, lowest first.
const FLOORS: &[&str] = &[
    "domain",
    "error",
    "crypto",
    "config",
    "dynamodb",
    "app",
    "users",
    "throttling",
    "messages",
    "credentials",
    "sessions",
    "accounts",
    "http",
    "lambda",
    "testing",
];

/// A file's place below `src`, without its extension: `accounts/send`, and `accounts` for `accounts/mod.rs`.
type Place = String;

/// The source files, and the names that each folder's `mod.rs` re-exports from its files.
struct Source {
    files: BTreeMap<Place, syn::File>,
    exports: BTreeMap<String, BTreeMap<String, Place>>,
}

impl Source {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files: BTreeMap<_, _> = rust_files(&root)
            .into_iter()
            .map(|path| {
                let place = path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('\\', "/");
                let place = place.strip_suffix("/mod").map_or(place.clone(), str::to_owned);
                (place, syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap())
            })
            .collect();
        let exports = files.iter().map(|(place, file)| (place.clone(), exports(place, file))).collect();
        Self { files, exports }
    }

    /// Returns the file that a path of names leads to: `domain/email` for `["domain", "Email"]`.
    fn resolve(&self, path: &[String]) -> Option<Place> {
        let first = path.first()?;
        let Some(second) = path.get(1) else { return self.top_level(first) };
        let file = format!("{first}/{second}");
        if self.files.contains_key(&file) {
            return Some(file);
        }
        let exported = self.exports.get(first).and_then(|names| names.get(second)).cloned();
        exported.or_else(|| self.top_level(first))
    }

    fn top_level(&self, name: &str) -> Option<Place> {
        let exported = || self.exports["lib"].get(name).cloned();
        self.files.contains_key(name).then(|| name.to_owned()).or_else(exported)
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

/// Returns the names that a file re-exports, each with the file that it comes from.
fn exports(place: &str, file: &syn::File) -> BTreeMap<String, Place> {
    let uses = file.items.iter().filter_map(|item| match item {
        Item::Use(item) if !matches!(item.vis, Visibility::Inherited) => Some(item),
        _ => None,
    });
    let paths = uses.flat_map(|item| paths(&item.tree, Vec::new()));
    paths
        .filter_map(|path| {
            let from = if place == "lib" { path[0].clone() } else { format!("{place}/{}", path[0]) };
            Some((path.last()?.clone(), from))
        })
        .collect()
}

/// Returns every path of an import, one for each name in it.
fn paths(tree: &UseTree, before: Vec<String>) -> Vec<Vec<String>> {
    let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => paths(&path.tree, with(&path.ident)),
        UseTree::Name(name) if name.ident == "self" => vec![before],
        UseTree::Name(name) => vec![with(&name.ident)],
        UseTree::Rename(name) => vec![with(&name.ident)],
        UseTree::Glob(_) => vec![before],
        UseTree::Group(group) => group.items.iter().flat_map(|tree| paths(tree, before.clone())).collect(),
    }
}

/// A collector of the paths in a file that start with `crate::` and, in a folder, with `super::`. It looks at imports
/// and at other paths.
struct Uses<'a> {
    place: &'a str,
    found: Vec<Vec<String>>,
}

impl Uses<'_> {
    fn note(&mut self, mut path: Vec<String>) {
        let folder = self.place.split_once('/').map(|(folder, _)| folder);
        match (path.first().map(String::as_str), folder) {
            (Some("crate"), _) => self.found.push(path.split_off(1)),
            // `super` alone is part of a visibility.
            (Some("super"), Some(folder)) if path.len() > 1 => {
                path[0] = folder.to_owned();
                self.found.push(path);
            }
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        paths(&item.tree, Vec::new()).into_iter().for_each(|path| self.note(path));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        // Tests may use every module, and `super` is a different module there.
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

fn floor_of(place: &str) -> usize {
    let folder = place.split('/').next().unwrap();
    FLOORS.iter().position(|floor| *floor == folder).unwrap_or_else(|| panic!("{place} stands on no floor"))
}

/// Checks that the rules and the use cases depend neither on HTTP nor on AWS, and do not read the clock or the
/// environment.
#[test]
fn rules_and_use_cases_name_no_platform() {
    let source = Source::read();
    let mut breaches = BTreeSet::new();
    for (place, file) in &source.files {
        if !["domain/", "accounts/"].iter().any(|folder| place.starts_with(folder)) {
            continue;
        }
        let mut names = Names(Vec::new());
        names.visit_file(file);
        let of_platform = |path: &[String]| {
            let first = path[0].as_str();
            let second = path.get(1).map_or("", String::as_str);
            first.starts_with("aws_") || first == "lambda_http" || first == "std" && ["env", "time"].contains(&second)
        };
        breaches.extend(
            names.0.iter().filter(|path| of_platform(path)).map(|path| format!("{place} names {}", path.join("::"))),
        );
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// A collector of all paths in a file, outside its tests.
struct Names(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.0.extend(paths(&item.tree, Vec::new()));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

#[test]
fn no_module_uses_one_of_a_later_floor() {
    let source = Source::read();
    let mut breaches = BTreeSet::new();
    for (place, file) in source.files.iter().filter(|(place, _)| *place != "lib" && !place.ends_with("/tests")) {
        let mut uses = Uses { place, found: Vec::new() };
        uses.visit_file(file);
        for used in uses.found.iter().filter_map(|path| source.resolve(path)).filter(|used| used != place) {
            let (floor, other) = (floor_of(place), floor_of(&used));
            // All use cases are on one floor. A use case must not use another.
            let is_sibling = other == floor && FLOORS[floor] == "accounts" && used.starts_with("accounts/");
            if other > floor || is_sibling {
                breaches.insert(format!("{place} uses {used}"));
            }
        }
    }
    assert!(breaches.is_empty(), "a later floor is used: {breaches:#?}");
}
