//! Passwords and random secrets: argon2id for what people choose, SHA-256 for what is random enough to need no slow hash.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Characters of a made password: 24 of 64, 144 bits.
const PASSWORD_BYTES: usize = 18;

/// Random bytes of the kernel.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    assert_eq!(filled, Ok(N), "the kernel has random numbers once it is up");
    bytes
}

/// A password that nobody guesses.
pub fn new_password() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<PASSWORD_BYTES>())
}

/// 256 random bits as text for headers and URLs.
pub fn new_secret() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<32>())
}

/// 120 random bits: an id.
pub(super) fn new_id() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<15>())
}

/// The argon2id hash of a password, with its salt and its costs, in PHC's notation. Takes 19 MiB and some tens of milliseconds.
pub(super) fn hash_password(password: &str) -> String {
    let salt = SaltString::encode_b64(&random::<16>()).expect("sixteen bytes are a salt");
    Argon2::default().hash_password(password.as_bytes(), &salt).expect("the default costs are valid").to_string()
}

/// Whether a password has that hash.
pub(super) fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|it| Argon2::default().verify_password(password.as_bytes(), &it).is_ok())
}

/// SHA-256 as hexadecimal text.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|it| format!("{it:02x}")).collect()
}

/// Whether two texts are the same, in a time that does not say how much of them is.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_verified_and_salted() {
        let hash = hash_password("correct horse");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(verify_password("correct horse", &hash) && !verify_password("correct house", &hash) && !verify_password("x", "no hash"));
        assert_ne!(hash, hash_password("correct horse"));
    }

    #[test]
    fn secrets_differ_and_parts_of_a_digest_do_not_run_together() {
        assert_ne!(new_secret(), new_secret());
        assert_eq!(new_secret().len(), 43);
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
