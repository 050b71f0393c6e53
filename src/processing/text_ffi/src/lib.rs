//! Text behind a C ABI: tokenizers, constraints on tokens, and chat templates. Each header beside `src` has a module with
//! its functions, `*_abi`, and one that does the work.

mod boundary;
mod chat_template;
mod constraint;
mod constraints_abi;
mod edited_text;
mod moses;
mod python_json;
mod subwords;
mod templates_abi;
mod token_bytes;
mod tokenizer;
mod tokenizers_abi;
