//! What is read: a new tree, errors of reads, counts, odd paths.

use zoa_proto::AclRef;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Perms;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_tree::EphemeralsStep;

use crate::world::NOBODY;
use crate::world::SESSION;
use crate::world::World;

#[test]
fn a_new_tree_is_what_clients_of_the_reference_see() {
    let tree = zoa_tree::Tree::new(zoa_tree::HashKey([0, 0]));
    assert_eq!((tree.node_count(), tree.last_zxid()), (5, Zxid::ZERO));
    assert_eq!(tree.approximate_data_size(), 44);
    assert_eq!((tree.ephemerals_count(), tree.sessions_count()), (0, 0));
    let stat = |cversion, num_children, aversion| Stat {
        cversion: Version(cversion),
        aversion: Version(aversion),
        num_children,
        ..Stat::default()
    };
    let table = [
        ("/", stat(-1, 1, 0), 31),
        ("/zookeeper", stat(-2, 2, 0), 31),
        ("/zookeeper/quota", stat(0, 0, 0), 31),
        ("/zookeeper/config", stat(0, 0, -1), 1),
    ];
    for (path, expected, perms) in table {
        let node = tree.find(path).unwrap();
        assert_eq!(
            (node.stat(), node.data()),
            (expected, Some(&b""[..])),
            "{path}"
        );
        let entries: Vec<AclRef<'_>> = node.acl().list().iter().collect();
        assert_eq!(
            entries,
            [AclRef {
                perms: Perms(perms),
                ..AclRef::OPEN
            }],
            "{path}"
        );
    }
    assert_eq!(tree.read_children_count_all("/", &NOBODY), Ok(3));
}

#[test]
fn malformed_paths_find_nothing_and_only_exists_minds_a_nul() {
    let mut world = World::new();
    world.create("/a");
    for path in ["a", "/a/", "//a", "/a//", "/./a", "//", "/b", "\u{FFFD}"] {
        let tree = &world.tree;
        assert_eq!(
            tree.read_data(path, &NOBODY),
            Err(ErrorCode::NoNode),
            "{path:?}"
        );
        assert_eq!(
            tree.read_exists(path, &NOBODY),
            Err(ErrorCode::NoNode),
            "{path:?}"
        );
        assert_eq!(
            tree.read_children_count_all(path, &NOBODY),
            Err(ErrorCode::NoNode)
        );
        assert!(matches!(
            tree.read_children(path, &NOBODY),
            Err(ErrorCode::NoNode)
        ));
        assert!(matches!(
            tree.read_acl(path, &NOBODY),
            Err(ErrorCode::NoNode)
        ));
    }
    assert_eq!(
        world.tree.read_data("/a\0", &NOBODY),
        Err(ErrorCode::NoNode)
    );
    assert_eq!(
        world.tree.read_exists("/a\0", &NOBODY),
        Err(ErrorCode::BadArguments)
    );
    // The reference holds the root under the empty path too.
    assert_eq!(world.tree.read_exists("", &NOBODY), Ok(world.stat("/")));
}

#[test]
fn descendants_and_names_are_counted_as_they_come_and_go() {
    let mut world = World::new();
    let counts = |world: &World, path: &str| {
        let node = world.tree.find(path).unwrap();
        (
            node.children_count(),
            node.descendants_count(),
            node.children_names_len(),
        )
    };
    for path in ["/a", "/a/bb", "/a/bb/ccc", "/a/bb/dddd", "/a/e"] {
        world.create(path);
    }
    assert_eq!(counts(&world, "/a"), (2, 4, 3));
    assert_eq!(counts(&world, "/a/bb"), (2, 2, 7));
    assert_eq!(counts(&world, "/a/bb/ccc"), (0, 0, 0));
    assert_eq!(counts(&world, "/"), (2, 8, 10));
    world.delete("/a/bb/ccc", -1);
    world.delete("/a/e", -1);
    assert_eq!(counts(&world, "/a"), (1, 2, 2));
    world.delete("/a/bb/dddd", -1);
    assert_eq!(counts(&world, "/a/bb"), (0, 0, 0));
    assert_eq!(counts(&world, "/"), (2, 5, 10));
}

#[test]
fn each_child_is_listed_once() {
    let mut world = World::new();
    world.create("/p");
    for number in 0..40 {
        world.create(&format!("/p/{number:02}"));
    }
    for number in (0..40).step_by(3) {
        world.delete(&format!("/p/{number:02}"), -1);
    }
    let left = (0..40).filter(|number| number % 3 != 0);
    let expected: Vec<String> = left.map(|number| format!("{number:02}")).collect();
    assert_eq!(world.children("/p"), expected);
    let node = world.tree.read_children("/p", &NOBODY).unwrap();
    assert_eq!(node.children().len(), expected.len());
}

#[test]
fn names_of_any_length_and_script_are_found() {
    let mut world = World::new();
    let names = [
        "x",
        "0123456789abcdef",
        "0123456789abcdefg",
        "ephemeral-0000000001-of-a-lock",
        "\u{52d5}\u{7269}\u{7fa4}\u{9ad4}",
    ];
    for name in names {
        world.create(&format!("/{name}"));
        world.create(&format!("/{name}/{name}"));
    }
    for name in names {
        assert!(world.exists(&format!("/{name}/{name}")), "{name}");
        assert!(!world.exists(&format!("/{name}x")), "{name}");
    }
}

#[test]
fn ephemerals_are_listed_in_steps_that_tell_of_changes() {
    let mut world = World::new();
    for number in 0..10 {
        world.create_mode(&format!("/e{number}"), CreateMode::Ephemeral);
    }
    let step = |world: &World, from: usize| {
        let mut paths = Vec::new();
        let step = world
            .tree
            .read_ephemerals_step((SESSION, ""), (from, 4), &mut |path| {
                paths.push(path.to_owned())
            });
        (step, paths.len())
    };
    let (first, count) = step(&world, 0);
    assert_eq!((first.next, count), (Some(4), 4));
    let (second, count) = step(&world, 4);
    assert_eq!((second.next, count), (Some(8), 4));
    let (third, count) = step(&world, 8);
    assert_eq!((third.next, count), (None, 2));
    assert_eq!(
        (first.changes, second.changes),
        (third.changes, third.changes)
    );
    world.delete("/e3", -1);
    let (after, _) = step(&world, 0);
    assert_ne!(after.changes, third.changes);
    assert_eq!(
        step(&world, 100),
        (
            EphemeralsStep {
                next: None,
                ..after
            },
            0
        )
    );
}
