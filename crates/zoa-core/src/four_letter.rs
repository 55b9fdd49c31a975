//! The four-letter words: text for people and monitoring, then the connection closes.
//!
//! A word that is not in the whitelist is answered with a line that says so, as the original does. None of them changes the tree, and none
//! holds its lock for longer than it takes to count.

mod connection_words;
mod monitor;
mod server_words;
mod session_words;
mod watch_words;

use zoa_proto::FourLetterWord;

use crate::core::Core;
use crate::ensemble::Serving;
use crate::moment::Moment;

/// The answer to a word.
pub(crate) fn answer(core: &Core, word: FourLetterWord, now: Moment) -> String {
    let name = word.as_str();
    if word == FourLetterWord::TelnetClose {
        return String::new();
    }
    if !core.config.words.allows(name) {
        return format!("{name} is not executed because it is not in the whitelist.\n");
    }
    let mut text = String::new();
    let serving = core.serving();
    if serving == Serving::No && needs_serving(word) {
        let end = if word == FourLetterWord::Hash {
            ""
        } else {
            "\n"
        };
        return format!("This ZooKeeper instance is not currently serving requests{end}");
    }
    match word {
        FourLetterWord::Ruok => text.push_str("imok"),
        FourLetterWord::Isro => text.push_str(match serving {
            Serving::No => "null",
            Serving::ReadOnly => "ro",
            Serving::Full => "rw",
        }),
        FourLetterWord::Srvr => server_words::srvr(core, &mut text),
        FourLetterWord::Stat => server_words::stat(core, &mut text),
        FourLetterWord::Conf => server_words::conf(core, &mut text),
        FourLetterWord::Envi => server_words::envi(core, &mut text),
        FourLetterWord::Dirs => server_words::dirs(core, &mut text),
        FourLetterWord::Srst => server_words::srst(core, &mut text),
        FourLetterWord::Cons => connection_words::cons(core, &mut text),
        FourLetterWord::Crst => connection_words::crst(core, &mut text),
        FourLetterWord::Dump => session_words::dump(core, now, &mut text),
        FourLetterWord::Wchs => watch_words::wchs(core, &mut text),
        FourLetterWord::Wchc => watch_words::wchc(core, &mut text),
        FourLetterWord::Wchp => watch_words::wchp(core, &mut text),
        FourLetterWord::Mntr => monitor::mntr(core, &mut text),
        FourLetterWord::Hash => server_words::hash(core, &mut text),
        // There is nothing to trace by mask here; the answer keeps scripts going.
        FourLetterWord::Gtmk | FourLetterWord::Stmk => text.push('0'),
        FourLetterWord::TelnetClose => {}
    }
    text
}

/// Whether a server that serves nobody has no answer to it.
const fn needs_serving(word: FourLetterWord) -> bool {
    match word {
        FourLetterWord::Conf
        | FourLetterWord::Cons
        | FourLetterWord::Crst
        | FourLetterWord::Dirs
        | FourLetterWord::Dump
        | FourLetterWord::Hash
        | FourLetterWord::Mntr
        | FourLetterWord::Srst
        | FourLetterWord::Srvr
        | FourLetterWord::Stat
        | FourLetterWord::Wchc
        | FourLetterWord::Wchp
        | FourLetterWord::Wchs => true,
        FourLetterWord::Envi
        | FourLetterWord::Gtmk
        | FourLetterWord::Isro
        | FourLetterWord::Ruok
        | FourLetterWord::Stmk
        | FourLetterWord::TelnetClose => false,
    }
}
