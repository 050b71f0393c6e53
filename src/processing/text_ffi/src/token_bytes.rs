//! What each token of a vocabulary stands for in a text, as bytes: constraints speak of bytes, not of tokens.

use std::collections::HashMap;
use tokenizers::Tokenizer;
use toktrie::TokTrie;

/// How a decoder turns tokens into text.
struct Spelling {
    byte_level: bool,
    byte_fallback: bool,
    /// What stands for a space.
    space: Option<char>,
    /// What the pieces of a word but the first begin with.
    continuing: Option<String>,
}

/// The bytes of each token by id. Special tokens begin with a byte that no text has, so that no constraint takes one for text.
pub fn token_bytes(tokenizer: &Tokenizer) -> Vec<Vec<u8>> {
    let vocabulary = tokenizer.get_vocab(true);
    let size = vocabulary.values().max().map_or(0, |last| *last as usize + 1);
    let spelling = spelling(tokenizer);
    let bytes_of = characters_to_bytes();
    let added = tokenizer.get_added_tokens_decoder();
    let mut words = vec![Vec::new(); size];
    for (token, id) in vocabulary {
        words[id as usize] = match added.get(&id) {
            Some(added) if added.special => [&[TokTrie::SPECIAL_TOKEN_MARKER], token.as_bytes()].concat(),
            Some(_) => token.into_bytes(),
            None => spelling.bytes(&token, &bytes_of),
        };
    }
    words
}

impl Spelling {
    fn bytes(&self, token: &str, bytes_of: &HashMap<char, u8>) -> Vec<u8> {
        if self.byte_level {
            let bytes: Option<Vec<u8>> = token.chars().map(|character| bytes_of.get(&character).copied()).collect();
            return bytes.unwrap_or_else(|| token.as_bytes().to_vec());
        }
        if self.byte_fallback {
            if let Some(byte) = fallback_byte(token) {
                return vec![byte];
            }
        }
        let token = match &self.continuing {
            Some(prefix) => token.strip_prefix(prefix.as_str()).map_or_else(|| format!(" {token}"), str::to_string),
            None => token.to_string(),
        };
        match self.space {
            Some(space) => token.replace(space, " ").into_bytes(),
            None => token.into_bytes(),
        }
    }
}

/// The byte of a token written as "<0x0A>".
fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The decoder's parts decide; a tokenizer without a decoder writes its tokens as they are.
fn spelling(tokenizer: &Tokenizer) -> Spelling {
    let mut spelling = Spelling { byte_level: false, byte_fallback: false, space: None, continuing: None };
    let Some(decoder) = tokenizer.get_decoder().and_then(|decoder| serde_json::to_value(decoder).ok()) else {
        return spelling;
    };
    let parts = match decoder["decoders"].as_array() {
        Some(parts) => parts.clone(),
        None => vec![decoder],
    };
    for part in &parts {
        match part["type"].as_str().unwrap_or_default() {
            "ByteLevel" => spelling.byte_level = true,
            "ByteFallback" => spelling.byte_fallback = true,
            "Metaspace" => spelling.space = part["replacement"].as_str().and_then(|text| text.chars().next()).or(Some('▁')),
            "Replace" if part["content"] == " " => {
                spelling.space = part["pattern"]["String"].as_str().and_then(|text| text.chars().next()).or(spelling.space)
            }
            "WordPiece" => spelling.continuing = part["prefix"].as_str().map(str::to_string),
            _ => {}
        }
    }
    spelling
}

/// The characters that byte-level vocabularies write for bytes: printable ones of Latin-1 stand for themselves, the others
/// follow from U+0100 on.
fn characters_to_bytes() -> HashMap<char, u8> {
    let mut next = 0x100;
    let mut bytes = HashMap::new();
    for byte in 0..=255u8 {
        let character = char::from(byte);
        if matches!(character, '!'..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}') {
            bytes.insert(character, byte);
        } else {
            bytes.insert(char::from_u32(next).unwrap_or_default(), byte);
            next += 1;
        }
    }
    bytes
}
