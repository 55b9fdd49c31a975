//! A tree that takes the place of another one, when a received snapshot does.
//!
//! Cursors of the tree before may still come to be stepped or closed: they are told apart by the life they were opened in.

use crate::tree::Tree;

impl Tree {
    /// Takes the place of `before`: what was begun there is not taken for something begun here.
    pub fn succeed(&mut self, before: &Self) {
        assert!(
            self.snapshot.is_none(),
            "nothing has been begun on a tree that was just loaded"
        );
        self.snapshots_begun = before.snapshots_begun;
        self.life = before.life + 1;
    }
}
