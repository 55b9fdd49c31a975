//! Words of the command line, as they would be told to Java.

use zoa_core::WordList;

use super::Case;
use super::PLAIN;
use super::on_port;

#[test]
fn words_of_the_command_line_are_laid_over_the_file() {
    let case = Case::plain_and("tickTime=1000\nskipACL=no")
        .word("-Dzookeeper.tickTime=4000")
        .word("clientPort=2182")
        .word("-Djute.maxbuffer=0x400000")
        .word("-Dzookeeper.4lw.commands.whitelist=*")
        .word("-Dcom.sun.management.jmxremote")
        .word("-DtickTime=1");
    let config = case.config();
    assert_eq!(config.tick_time_ms, 4000);
    assert_eq!(config.client, on_port(2182));
    assert_eq!(config.requests.len_max, 0x40_0000);
    assert_eq!(config.four_letter_words, WordList::All);
    assert_eq!(case.notices(), [""; 0], "what is Java's own is passed over");
    assert_eq!(
        Case::new(PLAIN).word("-Dzookeeper.tickTime=fast").errors(),
        [
            "command line: tickTime=fast: expected a whole number of milliseconds from 1 to 2147483647"
        ]
    );
    assert_eq!(
        Case::new(PLAIN).word("-Dzookeeper.snapcount=5").notices(),
        ["command line: snapcount is not a setting that is known here; did you mean snapCount?"]
    );
    let undone =
        Case::plain_and("enforce.auth.enabled=true").word("-Dzookeeper.enforce.auth.enabled=false");
    assert!(!undone.config().access.authentication_required);
}

#[test]
fn the_prefix_of_a_property_does_no_harm_in_a_file() {
    let config = Case::plain_and("zookeeper.snapCount=5\njute.maxbuffer=2000000").config();
    assert_eq!(config.snapshots.rule.every, Some(5));
    assert_eq!(config.requests.len_max, 2_000_000);
}
