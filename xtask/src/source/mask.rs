//! Blanks out comments, strings and char literals, byte for byte.
//!
//! It is not a tokenizer: what it does not recognise it copies. Invariant: the output has the length of the
//! input, and a newline wherever the input has one, so that offsets and line numbers hold for both.

/// `text` with the inside of comments and literals replaced by blanks; the quotes stay.
pub(super) fn mask(text: &str) -> String {
    let mut masker = Masker {
        bytes: text.as_bytes(),
        at: 0,
        out: String::with_capacity(text.len()),
    };
    while masker.peek(0).is_some() {
        masker.step();
    }
    masker.out
}

struct Masker<'a> {
    bytes: &'a [u8],
    at: usize,
    out: String,
}

impl Masker<'_> {
    fn step(&mut self) {
        if self.starts_with("//") {
            self.blank_until(|masker| masker.peek(0) == Some(b'\n'));
        } else if self.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string_ahead() {
            self.raw_string(hashes);
        } else if self.peek(0) == Some(b'"') {
            self.string();
        } else if self.peek(0) == Some(b'\'') && self.is_char_literal() {
            self.char_literal();
        } else {
            self.copy();
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts_with(&self, what: &str) -> bool {
        self.bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(what.as_bytes()))
    }

    fn copy(&mut self) {
        let byte = self.peek(0).unwrap_or(b' ');
        self.out.push(if byte.is_ascii() {
            char::from(byte)
        } else {
            ' '
        });
        self.at += 1;
    }

    fn blank(&mut self) {
        self.out.push(if self.peek(0) == Some(b'\n') {
            '\n'
        } else {
            ' '
        });
        self.at += 1;
    }

    fn blank_many(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0).is_some() {
                self.blank();
            }
        }
    }

    fn blank_until(&mut self, done: impl Fn(&Self) -> bool) {
        while self.peek(0).is_some() && !done(self) {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.starts_with("/*") {
                depth += 1;
                self.blank_many(2);
            } else if self.starts_with("*/") {
                depth -= 1;
                self.blank_many(2);
            } else {
                self.blank();
            }
            if depth == 0 || self.peek(0).is_none() {
                return;
            }
        }
    }

    /// The number of `#` when a raw string begins here: `r"`, `r#"`, `br"`, `cr"`.
    fn raw_string_ahead(&self) -> Option<usize> {
        let continues_word = self
            .at
            .checked_sub(1)
            .and_then(|before| self.bytes.get(before));
        if continues_word.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return None;
        }
        let rest = self.bytes.get(self.at..)?;
        let body = [&b"r"[..], b"br", b"cr"]
            .iter()
            .find_map(|prefix| rest.strip_prefix(*prefix))?;
        let hashes = body.iter().take_while(|byte| **byte == b'#').count();
        (body.get(hashes) == Some(&b'"')).then_some(hashes)
    }

    fn raw_string(&mut self, hashes: usize) {
        while self.peek(0) != Some(b'"') {
            self.copy();
        }
        self.copy();
        let close = format!("\"{}", "#".repeat(hashes));
        self.blank_until(|masker| masker.starts_with(&close));
        for _ in 0..close.len().min(self.bytes.len() - self.at) {
            self.copy();
        }
    }

    fn string(&mut self) {
        self.copy();
        self.quoted(b'"');
    }

    fn char_literal(&mut self) {
        self.copy();
        self.quoted(b'\'');
    }

    fn quoted(&mut self, quote: u8) {
        while let Some(byte) = self.peek(0) {
            if byte == quote {
                return self.copy();
            }
            self.blank_many(if byte == b'\\' { 2 } else { 1 });
        }
    }

    /// `'a'` and `'\n'` are literals, `'a` is a lifetime.
    fn is_char_literal(&self) -> bool {
        let width = match self.peek(1) {
            Some(b'\\') => return true,
            Some(byte) if byte >= 0xf0 => 4,
            Some(byte) if byte >= 0xe0 => 3,
            Some(byte) if byte >= 0xc0 => 2,
            _ => 1,
        };
        self.peek(1 + width) == Some(b'\'')
    }
}
