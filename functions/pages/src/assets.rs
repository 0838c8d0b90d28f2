//! Styles and scripts, embedded in the binary.
//!
//! The address of every file contains a hash of all of them. A browser can therefore keep each file for ever and never
//! runs an old one with a new one. The modules import each other by relative addresses. Each file is compressed once,
//! on its first use.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};

pub(crate) struct Asset {
    pub name: &'static str,
    pub media_type: &'static str,
    pub content: &'static str,
    compressed: LazyLock<Vec<u8>>,
}

macro_rules! assets {
    ($($name:literal: $media_type:literal),* $(,)?) => {
        static ASSETS: [Asset; [$($name),*].len()] = [$(Asset {
            name: $name,
            media_type: $media_type,
            content: include_str!(concat!("../assets/", $name)),
            compressed: LazyLock::new(|| gzip(include_str!(concat!("../assets/", $name)))),
        }),*];
    };
}

assets! {
    "account_name.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "banners.js": "text/javascript; charset=utf-8",
    "captcha.js": "text/javascript; charset=utf-8",
    "account_page.js": "text/javascript; charset=utf-8",
    "codes.js": "text/javascript; charset=utf-8",
    "dates.js": "text/javascript; charset=utf-8",
    "email_row.js": "text/javascript; charset=utf-8",
    "errors.js": "text/javascript; charset=utf-8",
    "find_password.js": "text/javascript; charset=utf-8",
    "forget_pwd.js": "text/javascript; charset=utf-8",
    "form.js": "text/javascript; charset=utf-8",
    "guard.js": "text/javascript; charset=utf-8",
    "home.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "log_in.js": "text/javascript; charset=utf-8",
    "proof.js": "text/javascript; charset=utf-8",
    "reauthentication.js": "text/javascript; charset=utf-8",
    "register.js": "text/javascript; charset=utf-8",
    "reset_password.js": "text/javascript; charset=utf-8",
    "row.js": "text/javascript; charset=utf-8",
    "second_proof.js": "text/javascript; charset=utf-8",
    "secure.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "span.js": "text/javascript; charset=utf-8",
    "storage.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "texts.js": "text/javascript; charset=utf-8",
}

/// The hash of all files, part of every address.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Context::new(&SHA256);
    for asset in &ASSETS {
        hash.update(asset.name.as_bytes());
        hash.update(asset.content.as_bytes());
    }
    hex::encode(&hash.finish().as_ref()[..8])
});

impl Asset {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    pub(crate) fn compressed(&self) -> &[u8] {
        &self.compressed
    }
}

pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// Compresses a text by gzip (RFC 1952). Writing to memory cannot fail.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 2), Compression::best());
    let written = encoder.write_all(text.as_bytes());
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names of the modules that a script imports.
    fn imports(asset: &Asset) -> Vec<&'static str> {
        let lines = asset.content.lines().filter(|line| line.contains(" from \"./"));
        lines.map(|line| line.split("\"./").nth(1).unwrap().split('"').next().unwrap()).collect()
    }

    #[test]
    fn every_import_and_every_file_is_there() {
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
            for name in imports(asset) {
                assert!(Asset::find(name).is_some(), "{}: {name}", asset.name);
            }
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets")).unwrap();
        for file in files {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(Asset::find(&name).is_some(), "{name} is not served");
        }
    }

    #[test]
    fn sizes_grow_with_the_browser_s_font() {
        let style = Asset::find("style.css").unwrap().content;
        let sizes: Vec<_> =
            style.match_indices("px").map(|(at, _)| &style[style[..at].rfind([' ', '(']).unwrap()..at]).collect();
        // Only hairlines are one pixel wide. Every other size is a multiple of the font's.
        assert!(!sizes.is_empty() && sizes.iter().all(|size| size.trim_start_matches([' ', '(']) == "1"), "{sizes:?}");
        assert!(style.contains("font: 1rem/"), "the page's text is as large as the browser's");
    }

    #[test]
    fn the_largest_page_s_files_are_under_forty_kilobytes_compressed() {
        let pages: Vec<_> = ASSETS.iter().filter(|asset| asset.content.ends_with("\nready();\n")).collect();
        assert_eq!(pages.len(), 8, "each page's script says when it is ready");
        for page in pages {
            let mut files = vec!["guard.js", "icon.svg", "site.js", "style.css", page.name];
            let mut at = 0;
            while let Some(name) = files.get(at) {
                for import in imports(Asset::find(name).unwrap()) {
                    if !files.contains(&import) {
                        files.push(import);
                    }
                }
                at += 1;
            }
            let total: usize = files.iter().map(|name| Asset::find(name).unwrap().compressed().len()).sum();
            // The remaining bytes are for the document and the headers.
            assert!(total < 36_000, "{}: {total} bytes", page.name);
        }
    }
}
