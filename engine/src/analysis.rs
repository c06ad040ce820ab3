//! How text becomes tokens, the same at indexing and in queries.
//!
//! Two analysers: [`STANDARD`] for `text` fields follows Elasticsearch's standard analyser (Unicode word boundaries, lower
//! case); [`LINE`] for the raw log line splits a CSV line where the standard one would not (`1,2026` is one word by UAX #29)
//! and keeps addresses and host names whole.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use unicode_segmentation::UnicodeSegmentation;

/// Name of the analyser of `text` fields.
pub const STANDARD: &str = "standard";
/// Name of the analyser of `match_only_text` fields.
pub const LINE: &str = "line";

/// Longer words are cut into pieces of this many characters, as Elasticsearch's `max_token_length`.
pub const TOKEN_CHARS_MAX: usize = 255;

/// The analysers, for tantivy indexes and queries.
pub fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::new();
    manager.register("raw", tantivy::tokenizer::RawTokenizer::default());
    // tantivy looks up "default" for every field that is not text, and never uses it.
    manager.register("default", tantivy::tokenizer::RawTokenizer::default());
    manager.register(STANDARD, Standard);
    manager.register(LINE, Line);
    manager
}

/// The tokens of a text under the analyser of that name.
pub fn tokens(analyser: &str, text: &str) -> Vec<String> {
    match analyser {
        LINE => line_words(text).map(|(start, end)| text[start..end].to_lowercase()).collect(),
        _ => standard_words(text).map(|(start, end)| text[start..end].to_lowercase()).collect(),
    }
}

/// Unicode words in lower case.
#[derive(Clone, Default)]
pub struct Standard;

/// Runs of letters, digits, `.`, `_`, `-` and non-ASCII characters, in lower case; marks at the ends are not part of a word.
#[derive(Clone, Default)]
pub struct Line;

impl Tokenizer for Standard {
    type TokenStream<'a> = Words<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        Words::new(text, Box::new(standard_words(text)))
    }
}

impl Tokenizer for Line {
    type TokenStream<'a> = Words<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        Words::new(text, Box::new(line_words(text)))
    }
}

/// The tokens of one text.
pub struct Words<'a> {
    text: &'a str,
    words: Box<dyn Iterator<Item = (usize, usize)> + 'a>,
    token: Token,
}

impl<'a> Words<'a> {
    fn new(text: &'a str, words: Box<dyn Iterator<Item = (usize, usize)> + 'a>) -> Self {
        Self { text, words, token: Token { position: usize::MAX, ..Token::default() } }
    }
}

impl TokenStream for Words<'_> {
    fn advance(&mut self) -> bool {
        let Some((start, end)) = self.words.next() else { return false };
        let word = &self.text[start..end];
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = start;
        self.token.offset_to = end;
        self.token.text.clear();
        if word.is_ascii() {
            self.token.text.push_str(word);
            self.token.text.make_ascii_lowercase();
        } else {
            self.token.text.extend(word.chars().flat_map(char::to_lowercase));
        }
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

fn standard_words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.unicode_word_indices().flat_map(move |(start, word)| pieces(text, start, start + word.len()))
}

fn line_words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            while at < bytes.len() && !is_word(bytes[at]) {
                at += 1;
            }
            if at == bytes.len() {
                return None;
            }
            let start = at;
            while at < bytes.len() && is_word(bytes[at]) {
                at += 1;
            }
            let inner = text[start..at].trim_matches(['.', '-', '_']);
            if !inner.is_empty() {
                let start = inner.as_ptr() as usize - text.as_ptr() as usize;
                return Some((start, start + inner.len()));
            }
        }
    })
    .flat_map(move |(start, end)| pieces(text, start, end))
}

/// Non-ASCII bytes are parts of words: a boundary never falls inside a character.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') || byte >= 0x80
}

/// Cuts a word into pieces of at most [`TOKEN_CHARS_MAX`] characters.
fn pieces(text: &str, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut from = start;
    std::iter::from_fn(move || {
        if from >= end {
            return None;
        }
        let rest = &text[from..end];
        let len = if rest.len() <= TOKEN_CHARS_MAX { rest.len() } else { rest.char_indices().nth(TOKEN_CHARS_MAX).map_or(rest.len(), |it| it.0) };
        from += len;
        Some((from - len, from))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_line_falls_into_its_columns_words() {
        let line = "1,2026/11/23 06:54:21,10.1.2.3,www.example.com,\"Name (x)\",-,tcp-fin";
        assert_eq!(tokens(LINE, line), ["1", "2026", "11", "23", "06", "54", "21", "10.1.2.3", "www.example.com", "name", "x", "tcp-fin"]);
    }

    #[test]
    fn standard_words_follow_unicode() {
        assert_eq!(tokens(STANDARD, "The quick-brown FOX's wi_fi 2.5"), ["the", "quick", "brown", "fox's", "wi_fi", "2.5"]);
    }

    #[test]
    fn a_long_word_is_cut_into_pieces() {
        assert_eq!(tokens(LINE, &"é".repeat(600)).iter().map(|it| it.chars().count()).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
