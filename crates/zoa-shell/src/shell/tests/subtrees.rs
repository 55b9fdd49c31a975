//! Commands of ours that work on whole subtrees.

use std::fs::File;

use zoa_server::testing::LocalServer;

use super::Caught;
use crate::limits::COMPLETIONS_MAX;
use crate::limits::IMPORT_LEN_MAX;
use crate::limits::MOVE_LEN_MAX;

fn with_app(server: &LocalServer) -> Caught {
    let mut shell = Caught::new(server);
    shell.run(&[
        "create /app root",
        "create /app/config 'host=10.0.0.7'",
        "create /app/config/deep",
        "create /app/workers",
        "create -e /app/workers/w-1 'ERROR: lost'",
    ]);
    shell
}

#[test]
fn a_subtree_is_listed_found_and_drawn() {
    let server = LocalServer::start();
    let mut shell = with_app(&server);
    let all = "/app\n/app/config\n/app/workers\n/app/config/deep\n/app/workers/w-1\n";
    shell.check("ls -R /app", all);
    shell.check(
        "find /app",
        "/app\n/app/config\n/app/config/deep\n/app/workers\n/app/workers/w-1\n",
    );
    shell.check("find -name w* /app", "/app/workers\n/app/workers/w-1\n");
    shell.check("find -e /", "/app/workers/w-1\n");
    shell.check("find -min 12 -depth 1 /app", "/app/config\n");
    shell.check("find /no", "Node does not exist: /no\nexit 1\n");
    let picture = "/app\n|-- config\n|   `-- deep\n`-- workers\n    `-- w-1\n";
    shell.check("tree /app", picture);
    shell.check(
        "tree -s -depth 1 /app",
        "/app (4 B)\n|-- config (13 B)\n`-- workers (0 B)\n",
    );
    assert!(
        shell
            .say("tree --json /app")
            .starts_with("{\"depth\":0,\"path\":\"/app\"}\n")
    );
}

#[test]
fn data_are_searched_line_by_line() {
    let server = LocalServer::start();
    let mut shell = with_app(&server);
    shell.check("grep 10.0 /", "/app/config:host=10.0.0.7\n");
    shell.check("grep -i -l error|warn /", "/app/workers/w-1\n");
    shell.check("grep nothing /", "exit 1\n");
    shell.check("grep ( /", "not a regular expression: (\nexit 1\n");
    shell.check("grep x /no", "Node does not exist: /no\nexit 1\n");
}

#[test]
fn copies_are_made_with_and_without_acls() {
    let server = LocalServer::start();
    let mut shell = with_app(&server);
    shell.run(&["setAcl /app/config/deep world:anyone:r"]);
    shell.check("cp /app/config /copy", "Copied 1\n");
    shell.check(
        "cp -R /app/config /copy",
        "Node already exists: /copy\nexit 1\n",
    );
    shell.check("cp -R -a -f /app/config /copy", "Copied 2\n");
    shell.check("get /copy", "host=10.0.0.7\n");
    shell.check("getAcl /copy/deep", "'world,'anyone\n: r\n");
    shell.check(
        "cp -R /app /app/config/in",
        "/app/config/in lies in /app: the copy would never end\nexit 1\n",
    );
    shell.check("cp /app bad", "Path must start with / character\nexit 1\n");
}

#[test]
fn a_move_is_whole_or_not_at_all() {
    let server = LocalServer::start();
    let mut shell = with_app(&server);
    shell.check("mv /app/config /settings", "Moved 2\n");
    shell.check("find /settings", "/settings\n/settings/deep\n");
    shell.check(
        "get /app/config",
        "Node does not exist: /app/config\nexit 1\n",
    );
    shell.check("mv /settings /app", "Node already exists: /app\nexit 1\n");
    shell.check("find /settings", "/settings\n/settings/deep\n");
    assert!(shell.say("mv /app /elsewhere").contains("ephemeral"));
    shell.check(
        "mv /settings /settings/in",
        "/settings/in lies in /settings\nexit 1\n",
    );
    shell.run(&["create /large"]);
    for part in 0..4 {
        shell.run(&[&format!(
            "create /large/{part} {}",
            "x".repeat(MOVE_LEN_MAX / 4)
        )]);
    }
    shell.check(
        "mv /large /other",
        "/large is too large to be moved at once\nexit 1\n",
    );
    shell.check("stat /other", "Node does not exist: /other\nexit 1\n");
}

#[test]
fn what_was_exported_is_imported_the_same() {
    let server = LocalServer::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.json");
    let file = file.to_str().expect("text");
    let mut shell = with_app(&server);
    shell.run(&[
        "set -b /app/config/deep /wAB",
        "setAcl /app/config/deep world:anyone:rw",
    ]);
    shell.check(
        &format!("export -a /app {file}"),
        &format!("Exported 5 to {file}\n"),
    );
    shell.check(
        &format!("import /copy {file}"),
        "Imported 4, left out 1 ephemerals\n",
    );
    shell.check(
        "find /copy",
        "/copy\n/copy/config\n/copy/config/deep\n/copy/workers\n",
    );
    shell.check("get -b /copy/config/deep", "/wAB\n");
    shell.check("getAcl /copy/config/deep", "'world,'anyone\n: rw\n");
    let here = shell.say("export -a /app/config");
    assert_eq!(
        here.replace("/app/config", ""),
        shell
            .say("export -a /copy/config")
            .replace("/copy/config", "")
    );
    let twice = shell.say(&format!("import /copy {file}"));
    assert!(
        twice.contains("Node already exists: /copy\n") && twice.ends_with("exit 1\n"),
        "{twice}"
    );
    shell.run(&["set /copy changed"]);
    shell.check(
        &format!("import -f /copy {file}"),
        "Imported 4, left out 1 ephemerals\n",
    );
    shell.check("get /copy", "root\n");
    assert!(
        shell
            .say("export / /no/such/folder/file")
            .ends_with("exit 1\n")
    );
    assert!(shell.say("import /x /no/such/file").ends_with("exit 1\n"));
}

#[test]
fn the_whole_tree_can_be_exported_and_imported() {
    let (server, other) = (LocalServer::start(), LocalServer::start());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.json");
    let file = file.to_str().expect("text");
    let mut shell = with_app(&server);
    shell.run(&[&format!("export / {file}")]);
    let mut stranger = Caught::new(&other);
    stranger.run(&[&format!("import -f / {file}")]);
    stranger.check(
        "find /app",
        "/app\n/app/config\n/app/config/deep\n/app/workers\n",
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let server = LocalServer::start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let sparse = File::create(file.path()).expect("the same file");
    sparse.set_len(IMPORT_LEN_MAX + 1).expect("a hole");
    let mut shell = Caught::new(&server);
    let said = shell.say(&format!("import /a {}", file.path().display()));
    assert!(
        said.contains(&format!("longer than {IMPORT_LEN_MAX} bytes")),
        "{said}"
    );
}

#[test]
fn paths_are_completed_from_the_server_up_to_a_limit() {
    let server = LocalServer::start();
    let mut shell = with_app(&server);
    shell.run(&["create '/app/two words'"]);
    let offered = |shell: &Caught, word: &str| {
        let keeper = shell.shell.keeper().expect("a session");
        crate::editor::offered_paths(keeper, word)
    };
    assert_eq!(offered(&shell, "/app/co"), ["/app/config"]);
    assert_eq!(offered(&shell, "/app/t"), ["\"/app/two words\""]);
    assert_eq!(offered(&shell, "/z"), ["/zookeeper"]);
    assert_eq!(offered(&shell, "/no/"), Vec::<String>::new());
    let child = |number| format!(r#"{{"path": "/{number}", "data": null}}"#);
    let children: Vec<String> = (0..=COMPLETIONS_MAX).map(child).collect();
    let nodes = format!(r#"{{"path": "", "data": null}}, {}"#, children.join(", "));
    let export = format!(r#"{{"format": "zoarium-subtree", "version": 1, "nodes": [{nodes}]}}"#);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), export).expect("written");
    shell.run(&[&format!("import /many {}", file.path().display())]);
    assert_eq!(offered(&shell, "/many/").len(), COMPLETIONS_MAX);
}
