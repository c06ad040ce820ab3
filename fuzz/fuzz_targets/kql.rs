#![no_main]
//! KQL as a person types it: any text gives a query that can be read, or an error with a place inside the text.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::query::{Query, kql};

fuzz_target!(|text: &str| {
    match kql::to_json(text) {
        Ok(query) => drop(Query::from_json(&query)),
        Err(error) => assert!(error.position <= text.chars().count()),
    }
});
