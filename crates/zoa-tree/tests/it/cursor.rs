//! Listing children in steps while they come and go.

use zoa_tree::ChildCursor;

use crate::world::World;

/// A tree with `/p` and this many children.
fn world_with(children: usize) -> World {
    let mut world = World::new();
    world.create("/p");
    for number in 0..children {
        world.create(&format!("/p/{number:03}"));
    }
    world
}

fn step(
    world: &World,
    cursor: &mut ChildCursor,
    children_max: usize,
    names: &mut Vec<String>,
) -> bool {
    world.tree.cursor_step(cursor, children_max, &mut |name| {
        names.push(name.to_owned())
    })
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

/// Goal: the list is that of the zxid at which the cursor was opened, whatever happens between its
/// steps.
#[test]
fn a_list_is_true_at_one_zxid() {
    let mut world = world_with(100);
    let expected = world.children("/p");
    let stat = world.stat("/p");
    let mut cursor = world.tree.open_children_cursor("/p").unwrap();
    assert_eq!((cursor.children_count(), cursor.names_len()), (100, 300));
    assert_eq!(
        (cursor.stat(), cursor.zxid()),
        (&stat, world.tree.last_zxid())
    );
    let (mut names, mut steps) = (Vec::new(), 0);
    while !step(&world, &mut cursor, 3, &mut names) {
        // Both ends and the middle go, come back and go again.
        for number in [steps, 99 - steps, 50 + steps % 7] {
            world.delete(&format!("/p/{number:03}"), -1);
            world.create(&format!("/p/{number:03}"));
        }
        world.delete(&format!("/p/{:03}", 40 + steps), -1);
        world.create(&format!("/p/new{steps}"));
        steps += 1;
    }
    assert!(steps > 30, "{steps}");
    assert_eq!(sorted(names), expected);
    assert!(cursor.is_done());
    world.tree.close_cursor(cursor);
}

#[test]
fn cursors_opened_at_different_times_list_different_things() {
    let mut world = world_with(10);
    let mut first = world.tree.open_children_cursor("/p").unwrap();
    let expected_first = world.children("/p");
    for number in 0..5 {
        world.delete(&format!("/p/{number:03}"), -1);
    }
    world.create("/p/new");
    let mut second = world.tree.open_children_cursor("/p").unwrap();
    let expected_second = world.children("/p");
    world.delete("/p/new", -1);
    let (mut one, mut two) = (Vec::new(), Vec::new());
    assert!(step(&world, &mut first, 1000, &mut one));
    world.tree.close_cursor(first);
    assert!(step(&world, &mut second, 1000, &mut two));
    world.tree.close_cursor(second);
    assert_eq!(
        (sorted(one), sorted(two)),
        (expected_first, expected_second)
    );
}

/// Goal: deleted children that were kept for a cursor go away afterwards, a few at a time, and a
/// cursor that comes in between stops that.
#[test]
fn what_was_kept_for_a_cursor_is_unlinked_in_bounded_steps() {
    let mut world = world_with(200);
    let cursor = world.tree.open_children_cursor("/p").unwrap();
    for number in 0..200 {
        world.delete(&format!("/p/{number:03}"), -1);
    }
    assert!(
        !world.tree.reclaim(1000),
        "nothing goes while a cursor is open"
    );
    world.tree.close_cursor(cursor);
    assert!(world.tree.reclaim(50), "more than that is left");
    let mut late = world.tree.open_children_cursor("/p").unwrap();
    assert!(!world.tree.reclaim(1000), "again nothing goes");
    let mut names = Vec::new();
    assert!(
        step(&world, &mut late, 1000, &mut names),
        "an empty list is complete at once"
    );
    assert_eq!(names, [""; 0]);
    world.create("/p/a");
    world.tree.close_cursor(late);
    // Applies do it too.
    for _ in 0..20 {
        world.set_data("/p", b"", -1);
    }
    assert!(!world.tree.reclaim(1));
    assert_eq!(world.children("/p"), ["a"]);
}

#[test]
fn a_znode_may_be_deleted_while_its_children_are_listed() {
    let mut world = world_with(20);
    let expected = world.children("/p");
    let mut parents = world.tree.open_children_cursor("/").unwrap();
    let mut cursor = world.tree.open_children_cursor("/p").unwrap();
    let mut names = Vec::new();
    step(&world, &mut cursor, 5, &mut names);
    for number in 0..20 {
        world.delete(&format!("/p/{number:03}"), -1);
    }
    world.delete("/p", -1);
    world.create("/p");
    world.create("/p/again");
    assert!(step(&world, &mut cursor, 100, &mut names));
    assert_eq!(sorted(names), expected);
    let mut names = Vec::new();
    assert!(step(&world, &mut parents, 100, &mut names));
    assert_eq!(sorted(names), ["p", "zookeeper"]);
    world.tree.close_cursor(cursor);
    world.tree.close_cursor(parents);
    while world.tree.reclaim(7) {}
    assert_eq!(world.children("/p"), ["again"]);
    assert_eq!(world.children("/"), ["p", "zookeeper"]);
    assert_eq!(world.tree.node_count(), 7);
}

#[test]
fn a_failed_multi_under_a_cursor_is_taken_back() {
    use zoa_proto::MultiOp;
    use zoa_proto::Version;
    use zoa_proto::request::Check;
    use zoa_proto::request::Delete;
    let mut world = world_with(10);
    let mut cursor = world.tree.open_children_cursor("/p").unwrap();
    let (mut names, digest) = (Vec::new(), world.children("/p"));
    step(&world, &mut cursor, 2, &mut names);
    let version = Version::ANY;
    let paths: Vec<String> = (0..10).map(|number| format!("/p/{number:03}")).collect();
    let deletes = paths
        .iter()
        .map(|path| MultiOp::Delete(Delete { path, version }));
    let failing = MultiOp::Check(Check {
        path: "/none",
        version,
    });
    let ops: Vec<MultiOp<'_>> = deletes.chain([failing]).collect();
    world.multi(&ops);
    assert_eq!(world.children("/p"), digest);
    assert!(step(&world, &mut cursor, 100, &mut names));
    assert_eq!(sorted(names), digest);
    world.tree.close_cursor(cursor);
    assert!(!world.tree.reclaim(1), "nothing was kept");
}

#[test]
fn a_missing_znode_has_no_cursor_and_a_leaf_an_empty_one() {
    let mut world = world_with(1);
    assert!(world.tree.open_children_cursor("/none").is_none());
    let cursor = world.tree.open_children_cursor("/p/000").unwrap();
    assert!(cursor.is_done());
    world.delete("/p/000", -1);
    world.tree.close_cursor(cursor);
    assert_eq!(world.children("/p"), [""; 0]);
}
