//! A tree cache: a copy of all that is below a path, and every time it has changed.
//!
//! **Guarantee**: each znode it shows was so on the server, and when all is quiet the copy is the tree.
//!
//! **Limits**: znodes are read one by one, so the copy is of no single moment while things change. Two watches a znode: below some
//! thousand znodes. What it shows may be old while the connection is lost.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;
use crate::node_cache::Node;

/// A tree that is followed.
///
/// ```
/// # use zoa_client::{Client, CreateMode};
/// # use zoa_recipes::TreeCache;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// client.create("/app", b"", CreateMode::Persistent).await?;
/// client.create("/app/a", b"1", CreateMode::Persistent).await?;
/// let mut cache = TreeCache::new(&client, "/app");
/// assert_eq!(cache.next().await?, ["/app", "/app/a"]);
/// client.create("/app/a/b", b"2", CreateMode::Persistent).await?;
/// while cache.get("/app/a/b").is_none() {
///     cache.next().await?;
/// }
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TreeCache<K: Keeper> {
    keeper: K,
    root: String,
    nodes: BTreeMap<String, Known<K>>,
    /// The root is not there, and this tells when it is.
    missing: Option<K::Fired>,
    /// To be read; kept here, so that a call that was dropped can be made again.
    due: Vec<String>,
    /// Read, and not told yet.
    changed: Vec<String>,
}

#[derive(Debug)]
struct Known<K: Keeper> {
    node: Node,
    changed: K::Fired,
    children_changed: K::Fired,
}

impl<K: Keeper> TreeCache<K> {
    /// Follows what is at and below this path, which need not be there.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            root: path.to_owned(),
            nodes: BTreeMap::new(),
            missing: None,
            due: vec![path.to_owned()],
            changed: Vec::new(),
        }
    }

    /// A znode of the copy.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path).map(|known| &known.node)
    }

    /// All of the copy, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        let nodes = self.nodes.iter();
        nodes.map(|(path, known)| (path.as_str(), &known.node))
    }

    /// Waits until something is other than in the copy, and tells the paths of what came, went or changed; the first time all.
    ///
    /// # Errors
    /// When the session ends. The copy is then what it was.
    pub async fn next(&mut self) -> Result<Vec<String>, Error> {
        loop {
            while let Some(path) = self.due.last().cloned() {
                let found = self.read(&path).await?;
                // Not before it was read: this future may have been dropped.
                self.due.pop();
                self.due.extend(found);
            }
            let mut changed = std::mem::take(&mut self.changed);
            if !changed.is_empty() {
                changed.sort();
                changed.dedup();
                return Ok(changed);
            }
            self.due = poll_fn(|context| self.poll_due(context)).await;
        }
    }

    /// The paths whose watches have fired.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<Vec<String>> {
        if let Some(missing) = &mut self.missing
            && Pin::new(missing).poll(context).is_ready()
        {
            self.missing = None;
            return Poll::Ready(vec![self.root.clone()]);
        }
        let mut due = Vec::new();
        for (path, known) in &mut self.nodes {
            let changed = Pin::new(&mut known.changed).poll(context);
            if changed.is_ready()
                || Pin::new(&mut known.children_changed)
                    .poll(context)
                    .is_ready()
            {
                due.push(path.clone());
            }
        }
        // Nobody polls one of them again: they are read anew, and get new watches.
        if due.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(due)
        }
    }

    /// Reads a znode anew; what is to be read next.
    async fn read(&mut self, path: &str) -> Result<Vec<String>, Error> {
        let found = calls::data_and_watch(&self.keeper, path).await?;
        let listed = calls::children_and_watch(&self.keeper, path).await?;
        let (Some((data, stat, data_fired)), Some((names, children_fired))) = (found, listed)
        else {
            return self.miss(path).await;
        };
        let below = |name: &String| format!("{}/{name}", path.trim_end_matches('/'));
        let children: Vec<String> = names.iter().map(below).collect();
        let known = self.children_of(path);
        for child in known.iter().filter(|child| !children.contains(child)) {
            self.forget(child);
        }
        let node = Node { data, stat };
        if self.get(path) != Some(&node) {
            self.changed.push(path.to_owned());
        }
        let watched = Known {
            node,
            changed: data_fired,
            children_changed: children_fired,
        };
        self.nodes.insert(path.to_owned(), watched);
        let is_new = |child: &String| !self.nodes.contains_key(child);
        Ok(children.into_iter().filter(is_new).collect())
    }

    /// A znode is not there.
    async fn miss(&mut self, path: &str) -> Result<Vec<String>, Error> {
        self.forget(path);
        if path != self.root {
            return Ok(Vec::new());
        }
        let (stat, fired) = calls::exists_and_watch(&self.keeper, path).await?;
        if stat.is_some() {
            return Ok(vec![path.to_owned()]);
        }
        self.missing = Some(fired);
        Ok(Vec::new())
    }

    fn children_of(&self, path: &str) -> Vec<String> {
        let path = path.trim_end_matches('/').to_owned();
        let is_child = move |child: &&String| calls::parent_of(child) == path;
        self.nodes.keys().filter(is_child).cloned().collect()
    }

    /// Takes a znode and all below it out of the copy.
    fn forget(&mut self, path: &str) {
        let below = format!("{path}/");
        let is_gone = |other: &String| other == path || other.starts_with(&below);
        let gone = self.nodes.keys().filter(|other| is_gone(other));
        self.changed.extend(gone.cloned());
        self.nodes.retain(|other, _| !is_gone(other));
    }
}
