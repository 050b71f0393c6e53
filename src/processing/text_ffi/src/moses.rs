//! French words as the tokenizer of Moses (Koehn et al., 2007; ported as sacremoses) cuts them, after its normalisation of
//! punctuation: what FlauBERT's vocabulary was made with. The rules, and their order, are Moses'.

use crate::edited_text::{EditedText, Rule};
use regex::Regex;
use tokenizers::NormalizedString;

/// Letters, digits and numbers as Moses' tables have them: those of Unicode 7 below U+10000, without Chinese characters and
/// Korean syllables, which become words of their own; with the signs that belong to an Indic letter.
const LETTERS: &str = r"[[[\p{Alphabetic}&&\p{Age=7.0}]--[\p{Han}\x{AC00}-\x{D7A3}\x{10000}-\x{10FFFF}]][\x{93C}\x{94D}\x{9BC}\x{9CD}\x{A3C}\x{A4D}\x{ABC}\x{ACD}\x{AFD}-\x{AFF}\x{B3C}\x{B4D}\x{BCD}\x{C4D}\x{CBC}\x{CCD}\x{D3B}\x{D3C}\x{D4D}\x{DCA}\x{EBA}\x{1039}\x{135F}\x{1714}\x{1BAB}\x{1C37}\x{25CC}\x{A8C4}\x{A953}\x{AAF6}]]";
const DIGITS: &str = r"[[\p{Nd}&&\p{Age=7.0}]--[\x{10000}-\x{10FFFF}]]";
const NUMBERS: &str = r"[[\p{N}&&\p{Age=7.0}]--[\p{Han}\x{10000}-\x{10FFFF}]]";

/// Punctuation of other scripts, and what stands for it.
const WIDE: &str = "，、∶：；！？（）【】〈〉《》「」“”’～━％０１２３４５６７８９";
const NARROW: &str = ",,::;!?()[]<>\"\"\"\"\"\"'~-%0123456789";

const PUNCTUATION: &[(&str, &str)] = &[
    (r"[。．]\s*", ". "),
    ("…", "..."),
    (r"\r", ""),
    (r"\(", " ("),
    (r"\)", ") "),
    (" +", " "),
    (r"\) ([.!:?;,])", ")$1"),
    (r"\( ", "("),
    (r" \)", ")"),
    (r"(\d) %", "$1%"),
    (" :", ":"),
    (" ;", ";"),
    ("`", "'"),
    ("''", " \" "),
    ("„", "\""),
    ("–", "-"),
    ("—", " - "),
    (" +", " "),
    ("[´‘‚]", "'"),
    ("''", "\""),
    ("\u{A0}«\u{A0}", "\""),
    ("«\u{A0}?", "\""),
    ("\u{A0}»\u{A0}", "\""),
    ("\u{A0}?»", "\""),
    ("\u{A0}%", "%"),
    ("nº\u{A0}", "nº "),
    ("\u{A0}:", ":"),
    ("\u{A0}(ºC|cm)", " $1"),
    (r"\u{A0}([?!;])", "$1"),
    (",\u{A0}", ", "),
    (" +", " "),
    (",\"", "\","),
    (r#"(\.+)"(\s*[^<])"#, "\"$1$2"),
    (r"(\d)\u{A0}(\d)", "$1,$2"),
];

/// Abbreviations whose full stop belongs to them; those with a full stop within need no list.
const ABBREVIATIONS: &str = "art ann apr av auj lib boul ca cf chap contr dir éd env al etc ex fasc fém fig fr hab ibid id inf masc MM ms \
                             pl pp sec sect sing sq sqq SS suiv sup suppl tél vb vol vs";

/// Stands for a full stop beside another. Texts have no such character left by then.
const HIDDEN_DOT: char = '\u{E000}';

pub struct Moses {
    lowercase: bool,
    punctuation: Vec<Rule>,
    control: Rule,
    spaces: Rule,
    symbols_and_dots: Vec<Rule>,
    commas_and_apostrophes: Vec<Rule>,
    last_quote: Rule,
    letters: Regex,
}

impl Moses {
    pub fn new(lowercase: bool) -> Self {
        let rules = |rows: &[(&str, &str)]| {
            let filled = |pattern: &str| pattern.replace("LETTERS", LETTERS).replace("DIGITS", DIGITS).replace("NUMBERS", NUMBERS);
            rows.iter().map(|(pattern, replacement)| Rule::new(&filled(pattern), replacement)).collect()
        };
        Moses {
            lowercase,
            punctuation: rules(PUNCTUATION),
            control: Rule::new(r"\p{C}", ""),
            spaces: Rule::new(r"\s+", " "),
            symbols_and_dots: rules(&[(r"([^\s.'`,\-LETTERSDIGITS])", " $1 "), (r"(\.{2,})", " $1 ")]),
            commas_and_apostrophes: rules(&[
                ("([^NUMBERS]),", "$1 , "),
                (",([^NUMBERS])", " , $1"),
                ("(NUMBERS),$", "$1 , "),
                ("([^LETTERS])'([^LETTERS])", "$1 ' $2"),
                ("([^LETTERS])'(LETTERS)", "$1 ' $2"),
                ("(LETTERS)'([^LETTERS])", "$1 ' $2"),
                ("(LETTERS)'(LETTERS)", "$1' $2"),
            ]),
            last_quote: Rule::new(r"\.' ?$", " . ' "),
            letters: Regex::new(LETTERS).expect("a constant"),
        }
    }

    /// Puts spaces between the words.
    pub fn normalize(&self, normalized: &mut NormalizedString) {
        normalized.nfc();
        let mut text = EditedText::new(normalized.get());
        if self.lowercase {
            text.lowercase();
        }
        text.map(|_, _, character| {
            WIDE.chars().zip(NARROW.chars()).find(|(wide, _)| *wide == character).map_or(character, |(_, narrow)| narrow)
        });
        apply(&mut text, &self.punctuation);
        text.strip();
        text.apply(&self.control);

        text.apply(&self.spaces);
        text.strip();
        apply(&mut text, &self.symbols_and_dots);
        text.map(|whole, at, character| if character == '.' && is_beside_dot(whole, at) { HIDDEN_DOT } else { character });
        apply(&mut text, &self.commas_and_apostrophes);
        let ends = self.sentence_ends(text.text());
        text.insert_spaces(&ends);
        text.apply(&self.spaces);
        text.strip();
        text.apply(&self.last_quote);
        text.map(|_, _, character| if character == HIDDEN_DOT { '.' } else { character });
        text.write_to(normalized);
    }

    /// Where the full stops stand that end a sentence: not an abbreviation, nor before a word that begins small.
    fn sentence_ends(&self, text: &str) -> Vec<usize> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut ends = Vec::new();
        for (i, word) in words.iter().enumerate() {
            let Some(stem) = word.strip_suffix('.').filter(|stem| !stem.is_empty()) else { continue };
            let is_initials = stem.contains('.') && self.letters.is_match(stem);
            let goes_on = words.get(i + 1).and_then(|next| next.chars().next()).is_some_and(char::is_lowercase);
            if !is_initials && !is_abbreviation(stem) && !goes_on {
                ends.push(word.as_ptr() as usize - text.as_ptr() as usize + stem.len());
            }
        }
        ends
    }
}

fn apply(text: &mut EditedText, rules: &[Rule]) {
    rules.iter().for_each(|rule| text.apply(rule));
}

fn is_beside_dot(text: &str, at: usize) -> bool {
    text[..at].ends_with('.') || text[at + 1..].starts_with('.')
}

/// One letter counts as one, but for "a", which is a word.
fn is_abbreviation(stem: &str) -> bool {
    let is_letter = stem.len() == 1 && stem != "a" && stem.chars().all(|character| character.is_ascii_alphabetic());
    is_letter || ABBREVIATIONS.split_whitespace().any(|abbreviation| abbreviation == stem)
}
