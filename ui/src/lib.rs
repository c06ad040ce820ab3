//! The dashboard's files, embedded.

/// A file of the dashboard.
#[derive(Debug)]
pub struct Asset {
    /// Media type.
    pub content_type: &'static str,
    /// Strong entity tag, with its quotes.
    pub etag: &'static str,
    /// How long it may be kept.
    pub cache_control: &'static str,
    /// Its bytes.
    pub identity: &'static [u8],
    /// The same, compressed, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// What the pages may load and do: their own files, nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The file at a path below `/ui/`.
pub fn asset(_path: &str) -> Option<&'static Asset> {
    None
}
