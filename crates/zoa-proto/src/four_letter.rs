//! What the first bytes of a fresh connection say: a four-letter word, a TLS hello, or a frame.
//!
//! Which words are allowed and what they answer is not decided here.
//!
//! Read as a length, every word is far above any sensible frame limit, so nothing is ambiguous.

/// Names a word: variant, its four bytes, documentation.
macro_rules! four_letter_words {
    ($($(#[$doc:meta])* $name:ident = $bytes:literal,)*) => {
        /// A command of four bytes, answered as text.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum FourLetterWord {
            $($(#[$doc])* $name,)*
        }

        impl FourLetterWord {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word these bytes spell, if any.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
                match &bytes {
                    $($bytes => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 4] {
                match self {
                    $(Self::$name => *$bytes,)*
                }
            }
        }
    };
}

four_letter_words! {
    /// The configuration in use.
    Conf = b"conf",
    /// Every connection in full.
    Cons = b"cons",
    /// Resets the statistics of the connections.
    Crst = b"crst",
    /// Sizes of the data directories.
    Dirs = b"dirs",
    /// Sessions and their ephemerals.
    Dump = b"dump",
    /// The environment.
    Envi = b"envi",
    /// The trace mask.
    Gtmk = b"gtmk",
    /// Digests of the tree.
    Hash = b"hash",
    /// Whether the server is read-only.
    Isro = b"isro",
    /// The metrics.
    Mntr = b"mntr",
    /// Whether the server runs.
    Ruok = b"ruok",
    /// Resets the statistics of the server.
    Srst = b"srst",
    /// The server in short.
    Srvr = b"srvr",
    /// The server and its connections in short.
    Stat = b"stat",
    /// Sets the trace mask: eight more bytes follow.
    Stmk = b"stmk",
    /// Watches by session.
    Wchc = b"wchc",
    /// Watches by path.
    Wchp = b"wchp",
    /// Watches, counted.
    Wchs = b"wchs",
    /// What telnet sends when its user interrupts it: closes the connection.
    TelnetClose = b"\xff\xf4\xff\xfd",
}

impl FourLetterWord {
    /// The word as an operator writes it in the whitelist; empty for the telnet one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conf => "conf",
            Self::Cons => "cons",
            Self::Crst => "crst",
            Self::Dirs => "dirs",
            Self::Dump => "dump",
            Self::Envi => "envi",
            Self::Gtmk => "gtmk",
            Self::Hash => "hash",
            Self::Isro => "isro",
            Self::Mntr => "mntr",
            Self::Ruok => "ruok",
            Self::Srst => "srst",
            Self::Srvr => "srvr",
            Self::Stat => "stat",
            Self::Stmk => "stmk",
            Self::Wchc => "wchc",
            Self::Wchp => "wchp",
            Self::Wchs => "wchs",
            Self::TelnetClose => "",
        }
    }

    /// Bytes that follow the word before it can be answered.
    #[must_use]
    pub const fn argument_len(self) -> usize {
        match self {
            Self::Stmk => 8,
            _ => 0,
        }
    }
}

/// What a connection opens with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// Too few bytes to tell.
    Incomplete,
    /// A four-letter word.
    Word(FourLetterWord),
    /// A TLS record with a handshake in it.
    TlsHello,
    /// Anything else: a frame, or what has to be refused as one.
    Frame,
}

impl Opening {
    /// Judges the first bytes of a connection.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        let Some(first) = bytes.first_chunk::<4>() else {
            return Self::Incomplete;
        };
        if let Some(word) = FourLetterWord::from_bytes(*first) {
            return Self::Word(word);
        }
        // Record type 22 is a handshake; the record's version has been 3.x since SSL 3. As a length
        // it is above 369 million, so no frame that anybody allows begins like this.
        match first {
            [0x16, 0x03, 0x00..=0x04, _] => Self::TlsHello,
            _ => Self::Frame,
        }
    }
}
