//! Grammars over the tokens of a vocabulary: which token may come next.

use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::{Matcher, ParserFactory};
use std::sync::Arc;
use toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};

/// A vocabulary prepared for constraints.
pub struct ConstraintVocabulary {
    factory: ParserFactory,
    end_tokens: Vec<u32>,
    size: usize,
}

/// One text in the making. A copy goes on by itself.
pub struct Constraint {
    matcher: Matcher,
    end_tokens: Vec<u32>,
}

pub enum Grammar<'a> {
    JsonSchema(&'a str),
    Regex(&'a str),
    Lark(&'a str),
}

impl ConstraintVocabulary {
    /// `words` are the tokens' bytes by id; `end_tokens` end a text.
    pub fn new(mut words: Vec<Vec<u8>>, end_tokens: &[u32]) -> Result<Self, String> {
        let size = words.len();
        let first = *end_tokens.first().ok_or("a constraint needs a token that ends the text")?;
        for &token in end_tokens {
            let word = words.get_mut(token as usize).ok_or_else(|| format!("end token {token} is not one of {size} tokens"))?;
            if word.first() != Some(&TokTrie::SPECIAL_TOKEN_MARKER) {
                word.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
            }
        }
        let trie = TokTrie::from(&TokRxInfo::new(size as u32, first), &words);
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory =
            ParserFactory::new(&environment, InferenceCapabilities::default(), &SlicedBiasComputer::general_slices()).map_err(one_line)?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(ConstraintVocabulary { factory, end_tokens: end_tokens.to_vec(), size })
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn compile(&self, grammar: &Grammar) -> Result<Constraint, String> {
        let grammar = match grammar {
            Grammar::JsonSchema(schema) => {
                TopLevelGrammar::from_json_schema(serde_json::from_str(schema).map_err(|error| format!("not valid JSON: {error}"))?)
            }
            Grammar::Regex(expression) => TopLevelGrammar::from_regex(expression),
            Grammar::Lark(text) => TopLevelGrammar::from_lark(text.to_string()),
        };
        let parser = self.factory.create_parser(grammar).map_err(one_line)?;
        Ok(Constraint { matcher: Matcher::new(Ok(parser)), end_tokens: self.end_tokens.clone() })
    }
}

impl Constraint {
    /// Sets the bit of each token that may come next in `bits`, 32 tokens a word, and clears the others.
    pub fn mask(&mut self, bits: &mut [u32]) -> Result<(), String> {
        let mask = self.matcher.compute_mask_or_eos().map_err(one_line)?;
        bits.fill(0);
        let words = mask.as_slice();
        let common = words.len().min(bits.len());
        bits[..common].copy_from_slice(&words[..common]);
        let may_end = self.end_tokens.first().is_some_and(|&token| is_set(bits, token));
        for &token in self.end_tokens.iter().filter(|_| may_end) {
            bits[token as usize / 32] |= 1 << (token % 32);
        }
        Ok(())
    }

    /// Goes on with `token`, which the mask must allow.
    pub fn accept(&mut self, token: u32) -> Result<(), String> {
        if self.end_tokens.contains(&token) {
            return match self.is_complete()? {
                true => Ok(()),
                false => Err(format!("token {token} ends the text before it is complete")),
            };
        }
        if self.matcher.is_stopped() || self.matcher.validate_tokens(&[token]).map_err(one_line)? == 0 {
            return Err(format!("token {token} is not allowed here"));
        }
        self.matcher.consume_token(token).map_err(one_line)
    }

    /// Whether the text may end here.
    pub fn is_complete(&mut self) -> Result<bool, String> {
        if self.matcher.is_stopped() {
            return Ok(self.matcher.stop_reason().is_ok());
        }
        self.matcher.is_accepting().map_err(one_line)
    }

    pub fn copy(&self) -> Self {
        Constraint { matcher: self.matcher.deep_clone(), end_tokens: self.end_tokens.clone() }
    }
}

fn is_set(bits: &[u32], token: u32) -> bool {
    bits.get(token as usize / 32).is_some_and(|word| word >> (token % 32) & 1 == 1)
}

/// The error without the state and the backtrace that follow it in angle brackets.
fn one_line(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    match text.split("\n<").next().unwrap_or_default().trim() {
        "NoExtensionBias" => "no token of the vocabulary fits what must come next".to_string(),
        first => first.replace('\n', " "),
    }
}
