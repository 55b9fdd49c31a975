//! Every rule of tidy fails on a planted violation, and only that rule does.
//!
//! Method: take a tree that passes, change one thing, and expect one finding with the rule's name at the
//! file. A rule that stopped looking would pass the first test and fail one of the others.

use crate::fixture::Fixture;

const TREE: &str = "crates/zoa-tree/src/lib.rs";
const TREE_MANIFEST: &str = "crates/zoa-tree/Cargo.toml";
const SERVER: &str = "crates/zoa-server/src/lib.rs";
const SERVER_MANIFEST: &str = "crates/zoa-server/Cargo.toml";

/// Plants something in a passing tree and expects these findings and no other: (rule, file).
fn check(plant: impl Fn(&Fixture), expected: &[(&str, &str)]) {
    let fixture = Fixture::passing();
    plant(&fixture);
    let findings = fixture.findings();
    let found: Vec<(&str, &str)> = findings
        .iter()
        .map(|one| (one.rule, one.path.as_str()))
        .collect();
    assert_eq!(found, expected, "findings: {findings:#?}");
}

#[test]
fn a_tree_that_keeps_the_rules_passes() {
    check(|_| (), &[]);
}

#[test]
fn an_edge_that_the_page_does_not_draw_is_found() {
    let plant =
        |tree: &Fixture| tree.append(SERVER_MANIFEST, "zoa-proto = { path = \"../zoa-proto\" }\n");
    check(plant, &[("arrow-not-drawn", SERVER_MANIFEST)]);
}

#[test]
fn an_edge_of_tests_is_drawn_apart() {
    let edge = "\n[dev-dependencies]\nzoa-testkit = { path = \"../zoa-testkit\" }\n";
    check(
        |tree| tree.append(SERVER_MANIFEST, edge),
        &[("arrow-not-drawn", SERVER_MANIFEST)],
    );
    let drawn = |tree: &Fixture| {
        tree.append(SERVER_MANIFEST, edge);
        tree.write("ARCHITECTURE.md", "```arrows\nzoa-tree -> zoa-proto\nzoa-server -> zoa-tree\nzoa-server ~> zoa-testkit\n```\n");
    };
    check(drawn, &[]);
}

#[test]
fn an_edge_on_the_page_that_no_crate_has_is_found() {
    let plant =
        |tree: &Fixture| tree.append("ARCHITECTURE.md", "\n```arrows\nignored -> too\n```\n");
    check(plant, &[]);
    let plant = |tree: &Fixture| {
        tree.write(
            "ARCHITECTURE.md",
            "```arrows\nzoa-tree -> zoa-proto\nzoa-server -> zoa-tree zoa-proto\n```\n",
        );
    };
    check(plant, &[("arrow-without-crate", "ARCHITECTURE.md")]);
}

#[test]
fn no_page_can_allow_a_pure_crate_to_look_up() {
    let plant = |tree: &Fixture| {
        tree.write(
            "crates/zoa-server/Cargo.toml",
            "[package]\nname = \"zoa-server\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        tree.append(TREE_MANIFEST, "zoa-server = { path = \"../zoa-server\" }\n");
        tree.write(
            "ARCHITECTURE.md",
            "```arrows\nzoa-tree -> zoa-proto zoa-server\n```\n",
        );
    };
    check(plant, &[("arrow-forbidden", TREE_MANIFEST)]);
}

/// Goal: each pure house is on the list, and each direction that the design forbids is closed.
#[test]
fn no_pure_crate_looks_up_whatever_the_page_says() {
    let forbidden = [
        ("zoa-log", "zoa-proto"),
        ("zoa-log", "zoa-tree"),
        ("zoa-core", "zoa-log"),
        ("zoa-core", "zoa-raft"),
        ("zoa-raft", "zoa-proto"),
        ("zoa-raft", "zoa-tree"),
        ("zoa-ensemble", "zoa-core"),
        ("zoa-client-core", "zoa-tree"),
        ("zoa-client-core", "zoa-core"),
        ("zoa-recipes", "zoa-tree"),
        ("zoa-recipes", "zoa-client"),
    ];
    for (from, to) in forbidden {
        let manifest = format!("crates/{from}/Cargo.toml");
        let plant = |tree: &Fixture| {
            if !["zoa-proto", "zoa-tree"].contains(&to) {
                tree.add_crate(to, "");
            }
            tree.add_crate(from, &format!("{to} = {{ path = \"../{to}\" }}\n"));
            tree.write(
                "ARCHITECTURE.md",
                &format!("```arrows\nzoa-tree -> zoa-proto\nzoa-server -> zoa-tree\n{from} -> {to}\n```\n"),
            );
        };
        check(plant, &[("arrow-forbidden", &manifest)]);
    }
}

/// Goal: as above, for names in the code and for crates that bring a clock, chance, a runtime or TLS along.
#[test]
fn each_pure_crate_is_held_to_it() {
    for name in [
        "zoa-proto",
        "zoa-tree",
        "zoa-core",
        "zoa-log",
        "zoa-raft",
        "zoa-ensemble",
        "zoa-client-core",
        "zoa-recipes",
    ] {
        let source = format!("crates/{name}/src/lib.rs");
        let manifest = format!("crates/{name}/Cargo.toml");
        let is_there = ["zoa-proto", "zoa-tree"].contains(&name);
        let with = |path: &str, text: &'static str| {
            let path = path.to_owned();
            move |tree: &Fixture| {
                if !is_there {
                    tree.add_crate(name, "");
                }
                tree.append(&path, text);
            }
        };
        check(
            with(&source, "use std::thread;\n"),
            &[("impure-name", &source)],
        );
        check(
            with(&manifest, "getrandom = \"0.3\"\n"),
            &[("impure-dependency", &manifest)],
        );
        for outside in ["tokio = \"1\"\n", "rustls = \"0.23\"\n"] {
            check(with(&manifest, outside), &[("outside-crate", &manifest)]);
        }
    }
}

#[test]
fn nothing_that_ships_depends_on_the_testkit() {
    let plant = |tree: &Fixture| {
        tree.append(
            SERVER_MANIFEST,
            "zoa-testkit = { path = \"../zoa-testkit\" }\n",
        );
        tree.write(
            "ARCHITECTURE.md",
            "```arrows\nzoa-tree -> zoa-proto\nzoa-server -> zoa-tree zoa-testkit\n```\n",
        );
    };
    check(plant, &[("ships-development-crate", SERVER_MANIFEST)]);
}

#[test]
fn no_pure_crate_tests_itself_with_the_testkit() {
    let plant = |tree: &Fixture| {
        tree.append(
            TREE_MANIFEST,
            "\n[dev-dependencies]\nzoa-testkit = { path = \"../zoa-testkit\" }\n",
        );
        tree.write("ARCHITECTURE.md", "```arrows\nzoa-tree -> zoa-proto\nzoa-tree ~> zoa-testkit\nzoa-server -> zoa-tree\n```\n");
    };
    check(plant, &[("ships-development-crate", TREE_MANIFEST)]);
}

#[test]
fn outside_crates_stand_only_where_they_may() {
    check(
        |tree| tree.append(SERVER_MANIFEST, "raft = \"0.7\"\n"),
        &[("outside-crate", SERVER_MANIFEST)],
    );
    check(
        |tree| tree.append(SERVER_MANIFEST, "tokio = \"1\"\nrustls = \"0.23\"\n"),
        &[],
    );
    check(
        |tree| tree.append(TREE_MANIFEST, "tokio = \"1\"\n"),
        &[("outside-crate", TREE_MANIFEST)],
    );
    check(
        |tree| tree.append(TREE_MANIFEST, "rand = \"0.9\"\n"),
        &[("impure-dependency", TREE_MANIFEST)],
    );
}

#[test]
fn a_pure_crate_names_no_runtime_socket_file_clock_chance_or_thread() {
    let lines = [
        "use std::fs;",
        "use std::fs::File;",
        "use std::net::TcpStream;",
        "use std::{io, fs};",
        "use std::collections::HashMap;",
        "use std::collections::{BTreeMap, HashSet};",
        "fn f() { tokio::spawn(async {}); }",
        "fn f() { std::thread::spawn(|| ()); }",
        "fn f() -> std::time::Instant { std::time::Instant::now() }",
        "fn f() { let _ = std::time::SystemTime::now(); }",
        "fn f() -> u8 { rand::random() }",
    ];
    for line in lines {
        let fixture = Fixture::passing();
        fixture.append(TREE, &format!("{line}\n"));
        let findings = fixture.findings();
        assert!(!findings.is_empty(), "not found: {line}");
        assert!(
            findings
                .iter()
                .all(|one| one.rule == "impure-name" && one.line == 2),
            "{line}: {findings:?}"
        );
    }
}

#[test]
fn the_same_names_are_free_elsewhere_in_tests_and_in_comments() {
    check(
        |tree| tree.append(SERVER, "use std::fs;\nuse std::net::TcpStream;\n"),
        &[],
    );
    check(
        |tree| tree.append(TREE, "// std::fs\nconst A: &str = \"std::net\";\n"),
        &[],
    );
    check(
        |tree| tree.append(TREE, "#[cfg(test)]\nmod tests { use std::fs; }\n"),
        &[],
    );
    let plant = |tree: &Fixture| {
        tree.append(TREE, "#[cfg(test)]\nmod model;\n");
        tree.write(
            "crates/zoa-tree/src/model.rs",
            "//! A model for tests.\nuse std::collections::HashMap;\n",
        );
    };
    check(plant, &[]);
}

#[test]
fn the_tree_knows_no_frames() {
    check(
        |tree| tree.append(TREE, "use zoa_proto::frame::FrameLimits;\n"),
        &[("layer", TREE)],
    );
}

#[test]
fn unsafe_stands_in_the_two_crates_for_foreign_callers_only() {
    check(
        |tree| tree.append(SERVER, "fn f() { unsafe {} }\n"),
        &[("unsafe", SERVER)],
    );
    check(
        |tree| tree.append(SERVER, "#![allow(unsafe_code)]\n"),
        &[("unsafe", SERVER)],
    );
}

#[test]
fn a_file_says_what_it_is() {
    check(
        |tree| tree.write(SERVER, "fn f() {}\n"),
        &[("no-header", SERVER)],
    );
    check(
        |tree| tree.write(SERVER, "//!\nfn f() {}\n"),
        &[("no-header", SERVER)],
    );
}

#[test]
fn code_is_ascii() {
    check(
        |tree| tree.append(SERVER, "// caf\u{e9}\n"),
        &[("not-ascii", SERVER)],
    );
}

#[test]
fn nothing_unfinished_is_left_lying() {
    check(
        |tree| tree.append(SERVER, &format!("// {}: later\n", concat!("FIX", "ME"))),
        &[("unfinished", SERVER)],
    );
    check(
        |tree| {
            tree.append(
                SERVER,
                &format!("fn f() {{ {}() }}\n", concat!("to", "do!")),
            )
        },
        &[("placeholder", SERVER)],
    );
    let script =
        |tree: &Fixture| tree.write("compat/a.py", &format!("# {}\n", concat!("TO", "DO")));
    check(script, &[("unfinished", "compat/a.py")]);
}

#[test]
fn a_test_that_is_not_run_is_found() {
    let test = "#[cfg(test)]\nmod tests { #[test] #[ignore] fn f() {} }\n";
    check(
        |tree| tree.append(SERVER, test),
        &[("ignored-test", SERVER)],
    );
}

#[test]
fn a_file_name_says_something() {
    let path = "crates/zoa-server/src/utils.rs";
    check(
        |tree| tree.write(path, "//! Things of all sorts.\n"),
        &[("empty-name", path)],
    );
}

#[test]
fn a_promise_needs_a_test() {
    let page = |status: &str| {
        format!(
            "## G-01 One\nStatus: served today\n\nShown by: `f`.\n\n## G-07 Watches\n{status}\n\nShown by: `f`.\n"
        )
    };
    let broken = [("guarantee-untested", "GUARANTEES.md")];
    check(
        |tree| tree.write("GUARANTEES.md", &page("Status: served today, one server")),
        &broken,
    );
    check(|tree| tree.write("GUARANTEES.md", &page("")), &broken);
    check(
        |tree| tree.write("GUARANTEES.md", &page("Status: not yet")),
        &[],
    );
}

#[test]
fn a_promise_names_what_shows_it_and_that_is_there() {
    let page = |proof: &str| format!("## G-01 One\nStatus: served today\n\n{proof}\n\n`g`\n");
    let with = |proof: &'static str| {
        move |tree: &Fixture| {
            tree.write("GUARANTEES.md", &page(proof));
            tree.write("bugs/001-x.patch", "a bug\n");
        }
    };
    let broken = [("guarantee-proof", "GUARANTEES.md")];
    check(with("Shown by: `f`,\n`bugs/001-x.patch`."), &[]);
    check(with(""), &broken);
    check(with("Shown by: nothing."), &broken);
    check(with("Shown by: `f`,\n`g`."), &broken);
    check(with("Shown by: `f`, `bugs/002-y.patch`."), &broken);
}

#[test]
fn a_promise_is_kept_by_a_test_a_checker_or_a_bug_of_the_museum_and_by_nothing_else() {
    let page = "## G-07 Watches\nStatus: served today\n\nShown by: `f`.\n";
    let with = |path: &'static str, text: &'static str| {
        move |tree: &Fixture| {
            tree.write("GUARANTEES.md", page);
            tree.write(path, text);
        }
    };
    check(
        with(SERVER, "//! Serves G-07.\n"),
        &[("guarantee-untested", "GUARANTEES.md")],
    );
    check(
        with("crates/zoa-server/tests/it/main.rs", "//! Shows G-07.\n"),
        &[],
    );
    check(
        with("crates/zoa-testkit/src/lib.rs", "//! Checks G-07.\n"),
        &[],
    );
    check(
        with("bugs/001.patch", "G-07: an event after the new data\n"),
        &[],
    );
}

#[test]
fn a_limit_needs_a_test_that_hits_it() {
    let plant = |tree: &Fixture| {
        tree.append(
            "crates/zoa-proto/src/limits.rs",
            "pub const PATH_LEN_MAX: usize = 9;\n",
        )
    };
    check(
        plant,
        &[("limit-untested", "crates/zoa-proto/src/limits.rs")],
    );
}

#[test]
fn a_limit_of_the_server_stands_with_the_others() {
    let plant = |path: &'static str| {
        move |tree: &Fixture| tree.append(path, "/// Items.\nconst WAITING_MAX: usize = 9;\n")
    };
    check(plant(SERVER), &[("limit-outside", SERVER)]);
    check(plant(TREE), &[]);
}

#[test]
fn links_lead_somewhere() {
    check(
        |tree| tree.append("README.md", "[gone](docs/gone.md)\n"),
        &[("dead-link", "README.md")],
    );
    check(
        |tree| tree.append("README.md", "[gone](GUARANTEES.md#g-09-nine)\n"),
        &[("dead-link", "README.md")],
    );
    check(
        |tree| {
            tree.append(
                "README.md",
                "[one](GUARANTEES.md#g-01-one) [out](https://example.org/x)\n",
            )
        },
        &[],
    );
    check(
        |tree| {
            tree.append(
                "README.md",
                "`[not](a-link.md)`\n```\n[nor](this.md)\n```\n",
            )
        },
        &[],
    );
    let deeper = |tree: &Fixture| tree.write("docs/a.md", "[up](../README.md) [flat](README.md)\n");
    check(deeper, &[("dead-link", "docs/a.md")]);
}

#[test]
fn the_two_readmes_give_the_same_commands() {
    let plant = |tree: &Fixture| tree.append("README.md", "```sh\nzoa bench\n```\n");
    check(plant, &[("readme-twins", "README.zh.md")]);
    let plant = |tree: &Fixture| tree.write("README.zh.md", "```sh\nzoa serve\n```\n");
    check(plant, &[("readme-twins", "README.zh.md")]);
}
