//! JSON as Python's json.dumps writes it: spaces after commas and colons, floats with Python's exponents.

use serde_json::{Map, Number, Value};

pub struct Style {
    pub ensure_ascii: bool,
    /// Spaces a level; without it all is on one line.
    pub indent: Option<usize>,
    pub item_separator: String,
    pub key_separator: String,
    pub sort_keys: bool,
}

pub fn dumps(value: &Value, style: &Style) -> String {
    let mut writer = Writer { style, text: String::new() };
    writer.value(value, 0);
    writer.text
}

struct Writer<'a> {
    style: &'a Style,
    text: String,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            Value::Number(number) => self.text.push_str(&number_text(number)),
            Value::String(text) => self.string(text),
            Value::Array(items) if items.is_empty() => self.text.push_str("[]"),
            Value::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.begin_item(index, depth + 1);
                    self.value(item, depth + 1);
                }
                self.end(depth, ']');
            }
            Value::Object(fields) if fields.is_empty() => self.text.push_str("{}"),
            Value::Object(fields) => {
                self.text.push('{');
                for (index, (key, item)) in self.ordered(fields).into_iter().enumerate() {
                    self.begin_item(index, depth + 1);
                    self.string(key);
                    self.text.push_str(&self.style.key_separator);
                    self.value(item, depth + 1);
                }
                self.end(depth, '}');
            }
        }
    }

    fn ordered<'v>(&self, fields: &'v Map<String, Value>) -> Vec<(&'v String, &'v Value)> {
        let mut fields: Vec<_> = fields.iter().collect();
        if self.style.sort_keys {
            fields.sort_by_key(|field| field.0);
        }
        fields
    }

    fn begin_item(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.text.push_str(&self.style.item_separator);
        }
        self.new_line(depth);
    }

    fn end(&mut self, depth: usize, bracket: char) {
        self.new_line(depth);
        self.text.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.style.indent {
            self.text.push('\n');
            self.text.push_str(&" ".repeat(indent * depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                control if control < ' ' => self.escape(control),
                other if self.style.ensure_ascii && other > '~' => self.escape(other),
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }

    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            self.text.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

/// Rust writes the shortest digits too, but "1e-7" where Python writes "1e-07".
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    float_text(float)
}

/// A float as Python's repr writes it: "1e-07".
pub fn float_text(float: f64) -> String {
    let text = format!("{float:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or_default();
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        None => text,
    }
}
