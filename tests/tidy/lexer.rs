//! Rust text to tokens: enough to see names, paths and braces, with comments gone and strings told apart.

/// A token with the line it stands on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a token is. A `::` is one token; every other mark is one character.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword; `r#name` comes as `name`.
    Ident(String),
    /// The inside of a string, as written.
    Text(String),
    /// A number, a character or a lifetime: nothing that a rule asks about.
    Other,
    /// `::`
    Colons,
    /// Any other mark.
    Mark(char),
}

impl Token {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Ident(name) if name == word)
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub(super) fn ident(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(name) => Some(name),
            Kind::Text(_) | Kind::Other | Kind::Colons | Kind::Mark(_) => None,
        }
    }
}

/// All tokens of a file.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut found = Vec::new();
    while lexer.at < lexer.chars.len() {
        let line = lexer.line;
        if let Some(kind) = lexer.next() {
            found.push(Token { line, kind });
        }
    }
    found
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    /// The next token; `None` for blanks and comments. Always moves on.
    fn next(&mut self) -> Option<Kind> {
        let here = self.peek(0);
        match (here, self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => return Some(self.text()),
            ('\'', _) => return Some(self.quote()),
            (':', ':') => {
                self.skip(2);
                return Some(Kind::Colons);
            }
            _ if here.is_whitespace() => self.skip(1),
            _ if here.is_ascii_digit() => return Some(self.number()),
            _ if here.is_alphabetic() || here == '_' => return Some(self.word()),
            _ => {
                self.skip(1);
                return Some(Kind::Mark(here));
            }
        }
        None
    }

    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == '\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn ended(&self) -> bool {
        self.at >= self.chars.len()
    }

    fn line_comment(&mut self) {
        while !self.ended() && self.peek(0) != '\n' {
            self.skip(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.ended() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => {
                    depth += 1;
                    self.skip(2);
                }
                ('*', '/') => {
                    depth -= 1;
                    self.skip(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.skip(1),
            }
        }
    }

    fn text(&mut self) -> Kind {
        self.skip(1);
        let start = self.at;
        while !self.ended() && self.peek(0) != '"' {
            self.skip(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        let inside = self.since(start);
        self.skip(1);
        Kind::Text(inside)
    }

    fn raw_text(&mut self, hashes: usize) -> Kind {
        self.skip(hashes + 1);
        let start = self.at;
        while !self.ended() {
            if self.peek(0) == '"' && (1..=hashes).all(|n| self.peek(n) == '#') {
                break;
            }
            self.skip(1);
        }
        let inside = self.since(start);
        self.skip(hashes + 1);
        Kind::Text(inside)
    }

    /// After a `'`: a character, or a lifetime or label.
    fn quote(&mut self) -> Kind {
        self.skip(1);
        if self.peek(0) == '\\' {
            self.skip(2);
            while !self.ended() && self.peek(0) != '\'' {
                self.skip(1);
            }
            self.skip(1);
        } else if self.peek(1) == '\'' {
            self.skip(2);
        } else {
            while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
                self.skip(1);
            }
        }
        Kind::Other
    }

    fn number(&mut self) -> Kind {
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            self.skip(1);
        }
        Kind::Other
    }

    /// A name, a keyword, or the prefix of a string or byte character.
    fn word(&mut self) -> Kind {
        let start = self.at;
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            self.skip(1);
        }
        let word = self.since(start);
        let hashes = (0..).take_while(|n| self.peek(*n) == '#').count();
        match word.as_str() {
            "r" | "br" | "cr" if self.peek(hashes) == '"' => self.raw_text(hashes),
            "b" | "c" if self.peek(0) == '"' => self.text(),
            "b" if self.peek(0) == '\'' => self.quote(),
            "r" if hashes == 1 => {
                self.skip(1);
                self.word()
            }
            _ => Kind::Ident(word),
        }
    }

    fn since(&self, start: usize) -> String {
        let end = self.at.min(self.chars.len());
        self.chars[start.min(end)..end].iter().collect()
    }
}
