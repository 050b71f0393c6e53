//! A text that regular expressions change step by step, and which character of the text before it each of its bytes came from.

use regex::Regex;
use tokenizers::NormalizedString;

/// A pattern and what takes its place: text, with $1 and $2 for the pattern's groups, in that order.
pub struct Rule {
    pattern: Regex,
    replacement: Vec<Part>,
}

enum Part {
    Text(String),
    Group(usize),
}

impl Rule {
    pub fn new(pattern: &str, replacement: &str) -> Self {
        let mut parts = Vec::new();
        for (index, piece) in replacement.split('$').enumerate() {
            let text = match piece.chars().next().and_then(|c| c.to_digit(10)) {
                Some(group) if index > 0 => {
                    parts.push(Part::Group(group as usize));
                    &piece[1..]
                }
                _ => piece,
            };
            parts.push(Part::Text(text.to_string()));
        }
        Rule { pattern: Regex::new(pattern).expect("rules are constants"), replacement: parts }
    }
}

pub struct EditedText {
    text: String,
    /// For each byte, the number of the character that it came from.
    sources: Vec<usize>,
}

impl EditedText {
    pub fn new(text: &str) -> Self {
        let mut edited = EditedText { text: String::new(), sources: Vec::new() };
        for (number, character) in text.chars().enumerate() {
            edited.push(character, number);
        }
        edited
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Applies the rule to each of its matches, from left to right.
    pub fn apply(&mut self, rule: &Rule) {
        if !rule.pattern.is_match(&self.text) {
            return;
        }
        let mut result = EditedText { text: String::new(), sources: Vec::new() };
        let mut copied = 0;
        for captures in rule.pattern.captures_iter(&self.text) {
            let whole = captures.get(0).expect("group 0 is the match");
            result.copy(self, copied, whole.start());
            let mut source = self.sources[whole.start()];
            for part in &rule.replacement {
                match part {
                    Part::Text(text) => text.chars().for_each(|character| result.push(character, source)),
                    Part::Group(number) => {
                        if let Some(group) = captures.get(*number).filter(|group| !group.is_empty()) {
                            result.copy(self, group.start(), group.end());
                            source = self.sources[group.end() - 1];
                        }
                    }
                }
            }
            copied = whole.end();
        }
        result.copy(self, copied, self.text.len());
        *self = result;
    }

    /// Puts another character in the place of each; `other` is given the text, where the character begins, and itself.
    pub fn map(&mut self, other: impl Fn(&str, usize, char) -> char) {
        let mut result = EditedText { text: String::new(), sources: Vec::new() };
        for (at, character) in self.text.char_indices() {
            result.push(other(&self.text, at, character), self.sources[at]);
        }
        *self = result;
    }

    /// Lower case as Unicode has it: a Σ that ends a word becomes ς.
    pub fn lowercase(&mut self) {
        let lower = self.text.to_lowercase();
        let mut characters = lower.chars();
        let mut result = EditedText { text: String::new(), sources: Vec::new() };
        for (at, character) in self.text.char_indices() {
            for lowered in characters.by_ref().take(character.to_lowercase().count()) {
                result.push(lowered, self.sources[at]);
            }
        }
        *self = result;
    }

    /// Puts a space before each of these places, which rise.
    pub fn insert_spaces(&mut self, places: &[usize]) {
        let mut result = EditedText { text: String::new(), sources: Vec::new() };
        let mut copied = 0;
        for &place in places {
            result.copy(self, copied, place);
            result.push(' ', self.sources[place - 1]);
            copied = place;
        }
        result.copy(self, copied, self.text.len());
        *self = result;
    }

    /// Drops white space at both ends.
    pub fn strip(&mut self) {
        let kept = self.text.trim();
        let begin = kept.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut result = EditedText { text: String::new(), sources: Vec::new() };
        result.copy(self, begin, begin + kept.len());
        *self = result;
    }

    /// Makes `normalized`, whose text this one was made of, the same.
    pub fn write_to(&self, normalized: &mut NormalizedString) {
        let count = normalized.get().chars().count();
        let characters: Vec<(char, usize)> = self.text.char_indices().map(|(at, character)| (character, self.sources[at])).collect();
        let Some(&(_, first)) = characters.first() else {
            normalized.clear();
            return;
        };
        // For each character: 1 where it is new, else 0 less the number of old ones that are dropped after it.
        let mut changes = vec![1_isize; characters.len()];
        let mut next = count;
        for i in (0..characters.len()).rev() {
            let source = characters[i].1;
            if i == 0 || characters[i - 1].1 != source {
                changes[i] = source as isize + 1 - next as isize;
                next = source;
            }
        }
        normalized.transform(characters.iter().map(|(character, _)| *character).zip(changes), first);
    }

    fn push(&mut self, character: char, source: usize) {
        self.text.push(character);
        self.sources.resize(self.text.len(), source);
    }

    fn copy(&mut self, from: &EditedText, begin: usize, end: usize) {
        self.text.push_str(&from.text[begin..end]);
        self.sources.extend_from_slice(&from.sources[begin..end]);
    }
}
