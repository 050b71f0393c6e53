//! Byte-pair encoding (Sennrich et al., 2016) as FlauBERT and PhoBERT have it, whose vocabularies lack some of the pieces that
//! their merges make: a word is merged whatever the vocabulary holds, and what it lacks is unknown afterwards.

use crate::moses::Moses;
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use tokenizers::tokenizer::normalizer::Range as TextRange;
use tokenizers::NormalizedString;

const END_OF_WORD: &str = "</w>";

/// How a text is cut into words.
enum Words {
    French(Box<Moses>),
    /// What white space parts, each with a line's end right after it.
    BetweenSpaces,
}

pub struct SubwordSplitter {
    words: Words,
    symbols: HashMap<String, u32>,
    /// The rank of a pair, and the symbol that it makes.
    merges: HashMap<(u32, u32), (usize, u32)>,
    /// What follows a piece in the vocabulary: within its word, and at its end.
    inner_mark: String,
    last_mark: String,
}

struct Symbol {
    id: Option<u32>,
    bytes: Range<usize>,
}

impl SubwordSplitter {
    /// `json` is an object: "words" is "french" or "spaces", "lowercase" a boolean, "inner_mark" and "last_mark" texts, and
    /// "merges" a list of pairs, the first of which is merged first.
    pub fn open(json: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(json).map_err(|error| format!("subwords: {error}"))?;
        let text = |field: &str| json[field].as_str().ok_or_else(|| format!("subwords: no text '{field}'"));
        let words = match text("words")? {
            "french" => Words::French(Box::new(Moses::new(json["lowercase"].as_bool().unwrap_or(false)))),
            "spaces" => Words::BetweenSpaces,
            other => return Err(format!("subwords: words by '{other}', expected french or spaces")),
        };
        let mut splitter = SubwordSplitter {
            words,
            symbols: HashMap::new(),
            merges: HashMap::new(),
            inner_mark: text("inner_mark")?.to_string(),
            last_mark: text("last_mark")?.to_string(),
        };
        for (rank, merge) in json["merges"].as_array().ok_or("subwords: no list 'merges'")?.iter().enumerate() {
            let (Some(left), Some(right)) = (merge[0].as_str(), merge[1].as_str()) else {
                return Err(format!("subwords: merge {rank} is {merge}, expected two texts"));
            };
            let pair = (splitter.symbol(left), splitter.symbol(right));
            let whole = splitter.symbol(&format!("{left}{right}"));
            splitter.merges.insert(pair, (rank, whole));
        }
        Ok(splitter)
    }

    /// The text's pieces, each as it stands in the vocabulary.
    pub fn split(&self, mut text: NormalizedString) -> Vec<NormalizedString> {
        if let Words::French(moses) = &self.words {
            moses.normalize(&mut text);
        }
        let mut pieces = Vec::new();
        for word in self.words_of(text.get()) {
            let within = self.pieces_of(&text.get()[word.clone()]);
            for (i, piece) in within.iter().enumerate() {
                let bytes = word.start + piece.start..word.start + piece.end;
                if let Some(mut slice) = text.slice(TextRange::Normalized(bytes)) {
                    slice.append(if i + 1 == within.len() { &self.last_mark } else { &self.inner_mark });
                    pieces.push(slice);
                }
            }
        }
        pieces
    }

    fn words_of(&self, text: &str) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut begin = None;
        for (at, character) in text.char_indices() {
            if !is_space(character) {
                begin.get_or_insert(at);
                continue;
            }
            if let Some(begin) = begin.take() {
                let takes_line_end = character == '\n' && matches!(self.words, Words::BetweenSpaces);
                words.push(begin..if takes_line_end { at + 1 } else { at });
            }
        }
        words.extend(begin.map(|begin| begin..text.len()));
        words
    }

    /// Merges neighbours, everywhere in the word at once, the pair of the lowest rank first.
    fn pieces_of(&self, word: &str) -> Vec<Range<usize>> {
        let mut symbols: Vec<Symbol> = word
            .char_indices()
            .map(|(at, character)| {
                let end = at + character.len_utf8();
                let id = if end < word.len() {
                    self.symbols.get(&word[at..end])
                } else {
                    self.symbols.get(&format!("{character}{END_OF_WORD}"))
                };
                Symbol { id: id.copied(), bytes: at..end }
            })
            .collect();
        while let Some(best) = (1..symbols.len()).filter_map(|i| self.merge_of(&symbols[i - 1], &symbols[i])).min() {
            let mut merged: Vec<Symbol> = Vec::with_capacity(symbols.len());
            let mut may_grow = false; // a symbol that was just made takes part in no merge of this turn
            for symbol in symbols {
                match merged.last_mut() {
                    Some(last) if may_grow && self.merge_of(last, &symbol) == Some(best) => {
                        last.id = Some(best.1);
                        last.bytes.end = symbol.bytes.end;
                        may_grow = false;
                    }
                    _ => {
                        merged.push(symbol);
                        may_grow = true;
                    }
                }
            }
            symbols = merged;
        }
        symbols.into_iter().map(|symbol| symbol.bytes).collect()
    }

    fn merge_of(&self, left: &Symbol, right: &Symbol) -> Option<(usize, u32)> {
        self.merges.get(&(left.id?, right.id?)).copied()
    }

    fn symbol(&mut self, text: &str) -> u32 {
        let next = self.symbols.len() as u32;
        *self.symbols.entry(text.to_string()).or_insert(next)
    }
}

/// What Python calls white space.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&character)
}
