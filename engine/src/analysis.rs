//! How text becomes tokens, the same at indexing and in queries.
//!
//! Two analysers: [`STANDARD`] for `text` fields follows Elasticsearch's standard analyser (Unicode word boundaries, lower
//! case); [`LINE`] for the raw log line splits a CSV line where the standard one would not (`1,2026` is one word by UAX #29)
//! and keeps addresses and host names whole. Others are an index's own ([`crate::chain`]).

use std::borrow::Cow;
use std::sync::Arc;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use unicode_segmentation::UnicodeSegmentation;

use crate::chain::ChainTokenizer;
use crate::mapping::{FieldType, MappedField, Mapping};

/// Name of the analyser of `text` fields.
pub const STANDARD: &str = "standard";
/// Name of the analyser of `match_only_text` fields.
pub const LINE: &str = "line";

/// Longer words are cut into pieces of this many characters, as Elasticsearch's `max_token_length`.
pub const TOKEN_CHARS_MAX: usize = 255;

/// The analysers of an index, for tantivy.
pub fn tokenizers(mapping: &Mapping) -> TokenizerManager {
    let manager = TokenizerManager::new();
    manager.register("raw", tantivy::tokenizer::RawTokenizer::default());
    // tantivy looks up "default" for every field that is not text, and never uses it.
    manager.register("default", tantivy::tokenizer::RawTokenizer::default());
    manager.register(STANDARD, Standard);
    manager.register(LINE, Line);
    for chain in mapping.fields().iter().filter_map(|it| it.analysis.as_ref()).map(|it| &it.chain) {
        manager.register(&chain.tantivy_name(), ChainTokenizer(Arc::new(chain.clone())));
    }
    manager
}

/// The words of a text in a field: where each begins and ends, and its token. A field that is not analysed is one word.
pub fn words_of(field: &MappedField, text: &str) -> Vec<(usize, usize, String)> {
    let name = match (&field.analysis, field.kind) {
        (Some(analysis), _) => return analysis.chain.words(text),
        (None, FieldType::MatchOnlyText) => LINE,
        (None, FieldType::Text) => STANDARD,
        (None, _) => return vec![(0, text.len(), text.to_owned())],
    };
    words(name, text).into_iter().map(|(start, end)| (start, end, text[start..end].to_lowercase())).collect()
}

/// The tokens of a text in a field, or in a query of it; nothing where the field is not analysed.
pub(crate) fn tokens_of(field: &MappedField, text: &str, is_query: bool) -> Option<Vec<String>> {
    let name = match (&field.analysis, field.kind) {
        (Some(analysis), FieldType::Text) => {
            let chain = analysis.search.as_ref().filter(|_| is_query).map_or(&analysis.chain, |it| &it.1);
            return Some(chain.tokens(text));
        }
        (None, FieldType::Text) => STANDARD,
        (_, FieldType::MatchOnlyText) => LINE,
        _ => return None,
    };
    Some(tokens(name, text))
}

/// A value, or a part of one, as the field's index has it: in lower case where it is text, normalised where a keyword is.
pub(crate) fn normal<'t>(field: &MappedField, text: &'t str) -> Cow<'t, str> {
    match &field.analysis {
        Some(analysis) => analysis.search.as_ref().map_or(&analysis.chain, |it| &it.1).normal(text),
        None if field.kind.is_text() => text.to_lowercase().into(),
        None => text.into(),
    }
}

/// The tokens of a text under the analyser of that name.
pub fn tokens(analyser: &str, text: &str) -> Vec<String> {
    match analyser {
        LINE => LineWords::new(text).map(|(start, end)| text[start..end].to_lowercase()).collect(),
        _ => standard_words(text).map(|(start, end)| text[start..end].to_lowercase()).collect(),
    }
}

/// Where the words of a text start and end, in bytes, under the analyser of that name.
pub fn words(analyser: &str, text: &str) -> Vec<(usize, usize)> {
    match analyser {
        LINE => LineWords::new(text).collect(),
        _ => standard_words(text).collect(),
    }
}

/// Unicode words in lower case.
#[derive(Clone, Default)]
pub struct Standard;

/// Runs of letters, digits, `.`, `_`, `-` and non-ASCII characters, in lower case; marks at the ends are not part of a word.
#[derive(Clone, Default)]
pub struct Line;

impl Tokenizer for Standard {
    type TokenStream<'a> = Words<'a, Box<dyn Iterator<Item = (usize, usize)> + 'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        Words::new(text, Box::new(standard_words(text)))
    }
}

impl Tokenizer for Line {
    type TokenStream<'a> = Words<'a, LineWords<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        Words::new(text, LineWords::new(text))
    }
}

/// The tokens of one text, from where its words start and end.
pub struct Words<'a, I> {
    text: &'a str,
    words: I,
    token: Token,
}

impl<'a, I> Words<'a, I> {
    fn new(text: &'a str, words: I) -> Self {
        Self { text, words, token: Token { position: usize::MAX, ..Token::default() } }
    }
}

impl<I: Iterator<Item = (usize, usize)>> TokenStream for Words<'_, I> {
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

/// Where the words of a log line start and end. Written out, because every byte of every line passes here.
#[derive(Debug)]
pub struct LineWords<'a> {
    text: &'a str,
    /// Where the search for the next word goes on.
    at: usize,
    /// What is left of a word that is cut into pieces.
    rest: (usize, usize),
}

impl<'a> LineWords<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, rest: (0, 0) }
    }
}

impl Iterator for LineWords<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        while self.rest.0 == self.rest.1 {
            let start = self.at + bytes[self.at..].iter().position(|&it| IS_WORD[it as usize])?;
            let end = bytes[start..].iter().position(|&it| !IS_WORD[it as usize]).map_or(bytes.len(), |len| start + len);
            self.at = end;
            let is_mark = |byte: &u8| matches!(byte, b'.' | b'-' | b'_');
            let inner = bytes[start..end].iter().position(|it| !is_mark(it)).map_or(end, |len| start + len);
            let outer = bytes[inner..end].iter().rposition(|it| !is_mark(it)).map_or(inner, |len| inner + len + 1);
            self.rest = (inner, outer);
        }
        let (start, end) = self.rest;
        let piece = start + piece_len(&self.text[start..end]);
        self.rest = (piece, end);
        Some((start, piece))
    }
}

/// Bytes that words of a log line are made of. Non-ASCII bytes are among them: a boundary never falls inside a character.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'.' | b'_' | b'-') || byte >= 0x80;
        byte += 1;
    }
    table
};

/// Cuts a word into pieces of at most [`TOKEN_CHARS_MAX`] characters.
fn pieces(text: &str, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut from = start;
    std::iter::from_fn(move || {
        if from >= end {
            return None;
        }
        let len = piece_len(&text[from..end]);
        from += len;
        Some((from - len, from))
    })
}

fn piece_len(word: &str) -> usize {
    if word.len() <= TOKEN_CHARS_MAX { word.len() } else { word.char_indices().nth(TOKEN_CHARS_MAX).map_or(word.len(), |it| it.0) }
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
    fn marks_at_the_ends_are_not_part_of_a_word() {
        assert_eq!(tokens(LINE, "...,-a-b.,_,--c,d.é."), ["a-b", "c", "d.é"]);
        assert_eq!(tokens(LINE, "-.-"), Vec::<String>::new());
        assert_eq!(tokens(LINE, ""), Vec::<String>::new());
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
