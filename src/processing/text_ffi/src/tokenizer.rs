//! A tokenizer that never pads, truncates by the options of each call, and returns a batch as flat arrays.

use crate::boundary::utf8;
use crate::subwords::SubwordSplitter;
use crate::token_bytes::token_bytes;
use tokenizers::tokenizer::pre_tokenizer::OffsetType;
use tokenizers::{
    truncate_encodings, AddedToken, Encoding, Model, PostProcessor, PreTokenizer, Tokenizer, TruncationDirection, TruncationParams,
    TruncationStrategy,
};

pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Cuts text in place of the tokenizer's own normalizer and pre-tokenizer.
    subwords: Option<SubwordSplitter>,
}

pub struct Input<'a> {
    pub first: &'a [u8],
    pub second: Option<&'a [u8]>,
}

pub struct Truncation {
    pub max_length: usize,
    pub strategy: TruncationStrategy,
    pub direction: TruncationDirection,
}

pub struct EncodeOptions {
    pub add_special_tokens: bool,
    pub offsets: OffsetType,
    pub truncation: Option<Truncation>,
    /// What the first input is called in messages.
    pub first_number: usize,
}

/// Tokens of all inputs one after another; `begins` has one entry more than there are inputs.
#[derive(Default)]
pub struct Encodings {
    pub begins: Vec<usize>,
    pub truncated: Vec<u8>,
    pub ids: Vec<u32>,
    pub type_ids: Vec<u32>,
    pub special: Vec<u8>,
    pub sequences: Vec<i8>,
    pub offset_begins: Vec<usize>,
    pub offset_ends: Vec<usize>,
}

impl TextTokenizer {
    /// Opens a tokenizer.json. `added_tokens` is empty or a JSON list of tokens, as tokenizer.json writes them, of which
    /// those that the file lacks are added. `subwords` is empty or what SubwordSplitter::open reads.
    pub fn open(json: &[u8], added_tokens: &[u8], subwords: &[u8]) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        if !added_tokens.is_empty() {
            let wanted: Vec<AddedToken> = serde_json::from_slice(added_tokens).map_err(|error| format!("added tokens: {error}"))?;
            let known = tokenizer.get_added_vocabulary().get_vocab();
            let missing: Vec<AddedToken> = wanted.into_iter().filter(|token| !known.contains_key(&token.content)).collect();
            tokenizer.add_tokens(missing).map_err(|error| error.to_string())?;
        }
        let subwords = if subwords.is_empty() { None } else { Some(SubwordSplitter::open(subwords)?) };
        Ok(TextTokenizer { tokenizer, subwords })
    }

    pub fn encode<'a>(&self, inputs: impl Iterator<Item = Input<'a>>, options: &EncodeOptions) -> Result<Encodings, String> {
        let mut encodings = Encodings { begins: vec![0], ..Default::default() };
        for (index, input) in inputs.enumerate() {
            let (encoding, truncated) =
                self.encode_input(&input, options).map_err(|error| format!("text {}: {error}", options.first_number + index))?;
            encodings.push(&encoding, truncated);
        }
        Ok(encodings)
    }

    /// The text of `ids`, which must all be in the vocabulary.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, String> {
        for (position, id) in ids.iter().enumerate() {
            self.token(*id).map_err(|error| format!("position {position}: {error}"))?;
        }
        self.tokenizer.decode(ids, skip_special_tokens).map_err(|error| error.to_string())
    }

    pub fn token(&self, id: u32) -> Result<String, String> {
        self.tokenizer.id_to_token(id).ok_or_else(|| format!("token id {id} is not in the vocabulary of {} tokens", self.vocabulary_size()))
    }

    pub fn id(&self, token: &[u8]) -> Option<u32> {
        self.tokenizer.token_to_id(std::str::from_utf8(token).ok()?)
    }

    pub fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The bytes that each token adds to a text, by id, as constraints read them.
    pub fn token_bytes(&self) -> Vec<Vec<u8>> {
        token_bytes(&self.tokenizer)
    }

    fn encode_input(&self, input: &Input, options: &EncodeOptions) -> Result<(Encoding, bool), String> {
        let first = utf8(input.first)?;
        let second = input.second.map(utf8).transpose().map_err(|error| format!("second of the pair: {error}"))?;
        let failed = |error: tokenizers::Error| error.to_string();

        let mut first = self.encode_text(first, 0, options).map_err(failed)?;
        let mut second = second.map(|text| self.encode_text(text, 1, options)).transpose().map_err(failed)?;
        let mut truncated = false;
        if let Some(truncation) = &options.truncation {
            let tokens = first.len() + second.as_ref().map_or(0, Encoding::len);
            let params = self.room(truncation, second.is_some(), options.add_special_tokens)?;
            truncated = tokens > params.max_length;
            (first, second) = truncate_encodings(first, second, &params).map_err(failed)?;
        }
        let encoding = self.tokenizer.post_process(first, second, options.add_special_tokens).map_err(failed)?;
        Ok((encoding, truncated))
    }

    /// The tokens of one text without special ones. Where the options say so, a long text is only read as far as its
    /// truncation needs, and one token further, which tells that it was too long.
    fn encode_text(&self, text: &str, type_id: u32, options: &EncodeOptions) -> Result<Encoding, tokenizers::Error> {
        let limit = options.truncation.as_ref().and_then(|truncation| match truncation.strategy {
            TruncationStrategy::LongestFirst => Some((truncation.max_length.saturating_add(1), truncation.direction)),
            TruncationStrategy::OnlyFirst | TruncationStrategy::OnlySecond => None,
        });
        let mut pieces = self.tokenizer.get_added_vocabulary().extract_and_normalize(self.tokenizer.get_normalizer(), text);
        if let Some(subwords) = &self.subwords {
            pieces.split(|_, piece| Ok(subwords.split(piece)))?;
        } else if let Some(pre_tokenizer) = self.tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        self.tokenizer.get_model().tokenize_in_pretokenized(&mut pieces, limit)?;
        pieces.into_encoding(None, type_id, options.offsets)
    }

    /// What is left of the truncation's length once the special tokens have theirs.
    fn room(&self, truncation: &Truncation, is_pair: bool, add_special_tokens: bool) -> Result<TruncationParams, String> {
        let special = match self.tokenizer.get_post_processor() {
            Some(processor) if add_special_tokens => processor.added_tokens(is_pair),
            _ => 0,
        };
        let max_length = truncation
            .max_length
            .checked_sub(special)
            .ok_or_else(|| format!("a maximum of {} tokens leaves no room for {special} special tokens", truncation.max_length))?;
        Ok(TruncationParams { max_length, strategy: truncation.strategy, direction: truncation.direction, stride: 0 })
    }
}

impl Encodings {
    fn push(&mut self, encoding: &Encoding, truncated: bool) {
        self.ids.extend_from_slice(encoding.get_ids());
        self.type_ids.extend_from_slice(encoding.get_type_ids());
        self.special.extend(encoding.get_special_tokens_mask().iter().map(|&special| special as u8));
        self.sequences.extend(encoding.get_sequence_ids().iter().map(|sequence| sequence.map_or(-1, |number| number as i8)));
        self.offset_begins.extend(encoding.get_offsets().iter().map(|offset| offset.0));
        self.offset_ends.extend(encoding.get_offsets().iter().map(|offset| offset.1));
        self.begins.push(self.ids.len());
        self.truncated.push(u8::from(truncated));
    }
}
