//! The dashboard's files, embedded. `build.rs` makes them from `web/` and `vendor/`.

/// A file of the dashboard.
#[derive(Debug)]
pub struct Asset {
    /// Media type.
    pub content_type: &'static str,
    /// Strong entity tag of the uncompressed bytes, with its quotes.
    pub etag: &'static str,
    /// How long it may be kept: always asked for again, answered by 304 where nothing changed.
    pub cache_control: &'static str,
    /// Its bytes.
    pub identity: &'static [u8],
    /// The same, compressed, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// What the pages may load and do: their own files, nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Name and file, sorted by name.
static ASSETS: &[(&str, Asset)] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Every file, by the path below `/ui/`.
pub fn assets() -> impl Iterator<Item = (&'static str, &'static Asset)> {
    ASSETS.iter().map(|(name, asset)| (*name, asset))
}

/// The file at a path below `/ui/`; the empty path is the page itself.
pub fn asset(path: &str) -> Option<&'static Asset> {
    let path = if path.is_empty() { "index.html" } else { path };
    ASSETS.binary_search_by(|it| it.0.cmp(path)).ok().map(|at| &ASSETS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a module imports, as addresses below `/ui/`; with what it asks for later, in `import(…)`, too.
    fn imports(name: &str, code: &str, with_later: bool) -> Vec<String> {
        let dir: Vec<&str> = name.split('/').collect();
        let mut found = Vec::new();
        let mut rest = code;
        while let Some(open) = rest.find('"') {
            let (before, text) = (rest[..open].trim_end(), &rest[open + 1..]);
            let end = text.find('"').unwrap_or(text.len());
            let specifier = &text[..end];
            rest = text.get(end + 1..).unwrap_or_default();
            let is_import = before.ends_with("from") || before.ends_with("import") || (with_later && before.ends_with("import("));
            if !is_import {
                continue;
            }
            if let Some(absolute) = specifier.strip_prefix("/ui/") {
                found.push(absolute.to_owned());
            } else if specifier.starts_with('.') {
                let mut at: Vec<&str> = dir[..dir.len() - 1].to_vec();
                for step in specifier.split('/') {
                    match step {
                        "." => {}
                        ".." => drop(at.pop()),
                        step => at.push(step),
                    }
                }
                found.push(at.join("/"));
            }
        }
        found
    }

    #[test]
    fn every_import_leads_to_a_file() {
        let mut modules = 0;
        for (name, asset) in assets().filter(|it| it.0.ends_with(".js")) {
            modules += 1;
            for import in imports(name, std::str::from_utf8(asset.identity).unwrap(), true) {
                assert!(super::asset(&import).is_some(), "{name} imports {import}, which is not there");
            }
        }
        assert!(modules > 5, "only {modules} modules");
    }

    /// A file and everything that it imports before it runs.
    fn with_imports(name: &str, found: &mut std::collections::BTreeSet<String>) {
        if !found.insert(name.to_owned()) || !name.ends_with(".js") {
            return;
        }
        let code = std::str::from_utf8(asset(name).unwrap().identity).unwrap();
        for import in imports(name, code, false) {
            with_imports(&import, found);
        }
    }

    #[test]
    fn the_first_paint_is_small_and_the_whole_is_not_large() {
        let size = |name: &str| asset(name).map_or(0, |it| it.gzip.unwrap_or(it.identity).len());
        let mut first = ["index.html", "style.css", "icon.svg"].map(str::to_owned).into_iter().collect();
        with_imports("main.js", &mut first);
        assert!(first.contains("pages/dashboard.js") && !first.contains("pages/discover.js"), "{first:?}");
        let at_once: usize = first.iter().map(|it| size(it)).sum();
        let total: usize = assets().map(|(name, _)| size(name)).sum();
        assert!(at_once < 60 << 10, "{at_once} bytes compressed before the first paint");
        assert!(total < 700 << 10, "{total} bytes compressed");
    }

    #[test]
    fn the_page_has_no_inline_code() {
        let page = std::str::from_utf8(asset("").unwrap().identity).unwrap();
        assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick"));
    }
}
