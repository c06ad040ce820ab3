#![no_main]
//! A mapping as an index request carries it: any JSON gives a mapping or an error; a mapping survives its own rendering.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::mapping::Mapping;

fuzz_target!(|body: &[u8]| {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return };
    let Ok(mapping) = Mapping::from_json(&body) else { return };
    let rendered = mapping.to_json();
    let again = Mapping::from_json(&rendered).expect("what we render, we accept");
    assert_eq!(again.to_json(), rendered);
});
