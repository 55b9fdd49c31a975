//! `printwatches`: whether events are shown.

use crate::command::Command;
use crate::command::Run;
use crate::error::Answer;
use crate::shell::Shell;

pub(crate) const COMMAND: Command = Command {
    name: "printwatches",
    arguments: "on|off",
    about: "Shows events as they come, or no longer; without an argument it says which.",
    examples: &["printwatches off", "printwatches"],
    run: Run::Shell(run),
    ..Command::PLAIN
};

fn run(shell: &mut Shell, words: &[String]) -> Answer<()> {
    let console = shell.console();
    match words.get(1) {
        None => {
            let state = if console.prints_watches() {
                "on"
            } else {
                "off"
            };
            console.say(&format!("printwatches is {state}"))?;
        }
        // As the original: whatever is not `on` is off.
        Some(word) => console.set_prints_watches(word == "on"),
    }
    Ok(())
}
