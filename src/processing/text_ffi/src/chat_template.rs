//! Chat templates: Jinja as transformers sets it up, without files, with bounds on the work and on the length of the result.

use crate::python_json::{dumps, float_text, Style};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{escape_formatter, AutoEscape, Environment, Error, ErrorKind, Value};
use std::io::{self, Write};

/// Steps of the template's program that one rendering may take.
const FUEL: u64 = 5_000_000;

/// Bytes of the longest result.
const MOST_BYTES: usize = 64 << 20;

/// Characters of a message: a template may raise, and an error may quote, a text of any length.
const MOST_MESSAGE: usize = 200;

pub struct ChatTemplate {
    environment: Environment<'static>,
    name: String,
}

/// Writes the present time as a format of strftime asks; none when it cannot.
pub type Clock = fn(owner: usize, format: &str) -> Option<String>;

impl ChatTemplate {
    /// `name` is what messages call the template.
    pub fn open(name: &str, source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|error| error.to_string())?;
        environment.set_syntax(syntax);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(|output, state, value| match f64::try_from(value.clone()) {
            Ok(float) if value.is_number() && !value.is_integer() => output.write_str(&float_text(float)).map_err(Error::from),
            _ => escape_formatter(output, state, value),
        });
        environment.set_fuel(Some(FUEL));
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise_exception);
        let template = ChatTemplate { environment, name: name.to_string() };
        template.with_source(source)
    }

    fn with_source(mut self, source: &str) -> Result<Self, String> {
        let added = self.environment.add_template_owned(self.name.clone(), without_generation_tags(source));
        match added {
            Ok(()) => Ok(self),
            Err(error) => Err(self.message(&error)),
        }
    }

    /// The template's text for `variables`, a JSON object.
    pub fn render(&self, variables: &str, clock: Clock, owner: usize) -> Result<String, String> {
        let variables: serde_json::Value = serde_json::from_str(variables).map_err(|error| format!("variables: {error}"))?;
        let mut environment = self.environment.clone();
        environment.add_function("strftime_now", move |format: &str| {
            clock(owner, format).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("strftime_now cannot write '{format}'")))
        });
        let template = environment.get_template(&self.name).map_err(|error| self.message(&error))?;
        let mut output = Bounded { bytes: Vec::new() };
        let rendered = template.render_captured_to(Serde(variables), &mut output);
        rendered.map_err(|error| self.message(&error))?;
        String::from_utf8(output.bytes).map_err(|error| error.to_string())
    }

    /// "line 3: cannot …": what is wrong, and where.
    fn message(&self, error: &Error) -> String {
        let what = match (error.kind(), error.detail()) {
            (ErrorKind::InvalidOperation, Some(detail)) => detail.to_string(),
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
        let all = format!("{what}{cause}");
        let clipped = match all.char_indices().nth(MOST_MESSAGE) {
            Some((end, _)) => format!("{}…", &all[..end]),
            None => all,
        };
        match error.line() {
            Some(line) => format!("line {line}: {clipped}"),
            None => clipped,
        }
    }
}

/// A result that may not grow without end.
struct Bounded {
    bytes: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MOST_BYTES - self.bytes.len() {
            return Err(io::Error::other(format!("the text is longer than {MOST_BYTES} bytes")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn raise_exception(message: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.to_string()))
}

/// json.dumps of Python with the options that transformers lets templates use.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let style = Style {
        ensure_ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        indent,
        item_separator: separators.as_ref().and_then(|pair| pair.first().cloned()).unwrap_or_else(|| match indent {
            Some(_) => ",".to_string(),
            None => ", ".to_string(),
        }),
        key_separator: separators.as_ref().and_then(|pair| pair.get(1).cloned()).unwrap_or_else(|| ": ".to_string()),
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "tojson of an undefined value"));
    }
    let json = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, format!("tojson of what is no JSON: {error}")))?;
    Ok(Value::from(dumps(&json, &style)))
}

/// transformers lets templates mark what the assistant said with {% generation %}; the marks leave no trace in the text. They
/// become a condition that always holds, which keeps their whitespace control.
fn without_generation_tags(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(begin) = rest.find("{%") {
        let Some(length) = rest[begin..].find("%}") else { break };
        let inner = &rest[begin + 2..begin + length];
        let trimmed = inner.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        let replaced = match trimmed {
            "generation" => inner.replace("generation", "if true"),
            "endgeneration" => inner.replace("endgeneration", "endif"),
            _ => inner.to_string(),
        };
        result.push_str(&rest[..begin + 2]);
        result.push_str(&replaced);
        result.push_str("%}");
        rest = &rest[begin + length + 2..];
    }
    result.push_str(rest);
    result
}
