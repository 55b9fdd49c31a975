//! Recipes for those without tokio: the same ones, waited for by the thread that calls.
//!
//! The usual ones stand here with methods that wait. Any other is made over [`Keeper`] and waited for with [`wait`]. Invariant: no
//! runtime is needed; time is kept by the thread that waits, so a recipe that sleeps wakes only the thread that is in it.
//!
//! ```
//! use zoa_client::blocking::{self, recipes};
//! use zoa_client::recipes::{Barrier, HoldState};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let address = server.connect_string();
//! let client = blocking::Client::connect(&address)?;
//! let hold = recipes::Lock::new(&client, "/locks/printer").acquire()?;
//! assert_eq!(hold.state(), HoldState::Held);
//! hold.release()?;
//!
//! // One of those that have no methods of their own here.
//! let barrier = Barrier::new(&recipes::Keeper::new(&client), "/maintenance");
//! recipes::wait(barrier.set())?;
//! # client.close();
//! # Ok(())
//! # }
//! ```

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use zoa_proto::SessionId;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Change;
use zoa_recipes::Error;
use zoa_recipes::Failure;
use zoa_recipes::FencingToken;
use zoa_recipes::HoldState;
use zoa_recipes::Read;
use zoa_recipes::Standing;
use zoa_recipes::Step;

use super::Client;
use crate::client::Client as AsyncClient;
use crate::clock;
use crate::park;
use crate::recipes::Fired;
use crate::recipes::standing_change;

thread_local! {
    /// When the task that this thread waits for wants to be polled, whatever else happens.
    static WAKE_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Waits for what a recipe over a [`Keeper`] does.
pub fn wait<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    park::wait_at_times(|context| {
        // Whatever sleeps in it says so each time it is polled.
        WAKE_AT.set(None);
        let polled = task.as_mut().poll(context);
        (polled, WAKE_AT.get())
    })
}

/// Waits for so long at most; what is not ready by then is given up.
pub fn wait_within<T>(limit: Duration, task: impl Future<Output = T>) -> Option<T> {
    let mut task = pin!(task);
    let mut sleep = Sleep::new(limit);
    wait(std::future::poll_fn(|context| {
        if let Poll::Ready(output) = task.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        Pin::new(&mut sleep).poll(context).map(|()| None)
    }))
}

/// Ready at a time; keeps it by telling whoever polls.
#[derive(Debug)]
struct Sleep {
    at: Option<Instant>,
}

impl Sleep {
    fn new(duration: Duration) -> Self {
        // One that is too far away to be told never ends.
        let at = clock::now().checked_add(duration);
        Self { at }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        if clock::now() >= at {
            return Poll::Ready(());
        }
        let first = WAKE_AT.get().map_or(at, |first| first.min(at));
        WAKE_AT.set(Some(first));
        Poll::Pending
    }
}

/// What recipes ask of a blocking client; see [`zoa_recipes::Keeper`]. What they do over it is waited for with [`wait`], not by
/// another executor.
#[derive(Clone, Debug)]
pub struct Keeper {
    client: AsyncClient,
}

impl Keeper {
    /// That of this client; it speaks for the same session.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        let client = client.handle().clone();
        Self { client }
    }
}

impl zoa_recipes::Keeper for Keeper {
    type Fired = Fired;

    fn ask(&self, request: Ask) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        self.client.ask(request)
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Fired), Failure>> + Send + use<> {
        self.client.ask_and_watch(read)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        Sleep::new(duration)
    }

    fn now(&self) -> Duration {
        self.client.now()
    }

    fn standing(&self) -> Standing {
        self.client.standing()
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        standing_change(&self.client, Sleep::new)
    }

    fn session_id(&self) -> SessionId {
        self.client.session_id()
    }

    fn random(&self) -> [u8; 16] {
        self.client.random()
    }

    fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        let builder = thread::Builder::new().name("zoa-recipe".to_owned());
        // Without a thread what it would clean up stays until the session ends.
        drop(builder.spawn(move || wait(task)));
    }
}

/// A lock; see [`zoa_recipes::Lock`].
#[derive(Clone, Debug)]
pub struct Lock {
    lock: zoa_recipes::Lock<Keeper>,
}

impl Lock {
    /// The lock at this path, which is made when needed.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Self {
        let lock = zoa_recipes::Lock::new(&Keeper::new(client), path);
        Self { lock }
    }

    /// What others see of this contender.
    #[must_use]
    pub fn identifier(self, identifier: &str) -> Self {
        let lock = self.lock.identifier(identifier);
        Self { lock }
    }

    /// Waits until it is held.
    ///
    /// # Errors
    /// When the session ends, the path is not usable, or somebody deletes the contender's znode.
    pub fn acquire(&self) -> Result<Hold, Error> {
        wait(self.lock.acquire()).map(Hold::new)
    }

    /// Waits for so long at most.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_within(&self, limit: Duration) -> Result<Option<Hold>, Error> {
        Ok(wait(self.lock.acquire_within(limit))?.map(Hold::new))
    }

    /// Takes it if it is free.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn try_acquire(&self) -> Result<Option<Hold>, Error> {
        Ok(wait(self.lock.try_acquire())?.map(Hold::new))
    }

    /// The identifiers of holder and waiters, in their order.
    ///
    /// # Errors
    /// When the session ends.
    pub fn contenders(&self) -> Result<Vec<String>, Error> {
        wait(self.lock.contenders())
    }
}

/// An election; see [`zoa_recipes::Election`].
#[derive(Clone, Debug)]
pub struct Election {
    election: zoa_recipes::Election<Keeper>,
}

impl Election {
    /// The election at this path, in which this client stands under a name.
    #[must_use]
    pub fn new(client: &Client, path: &str, identifier: &str) -> Self {
        let election = zoa_recipes::Election::new(&Keeper::new(client), path, identifier);
        Self { election }
    }

    /// Stands until it leads.
    ///
    /// # Errors
    /// When the session ends.
    pub fn lead(&self) -> Result<Hold, Error> {
        wait(self.election.lead()).map(Hold::new)
    }

    /// Stands for so long at most.
    ///
    /// # Errors
    /// When the session ends.
    pub fn lead_within(&self, limit: Duration) -> Result<Option<Hold>, Error> {
        Ok(wait(self.election.lead_within(limit))?.map(Hold::new))
    }

    /// The names of all that stand, the leader first.
    ///
    /// # Errors
    /// When the session ends.
    pub fn participants(&self) -> Result<Vec<String>, Error> {
        wait(self.election.participants())
    }
}

/// A lock or leadership that is held; see [`zoa_recipes::Hold`]. When it is dropped it is released in the background.
#[derive(Debug)]
#[must_use = "dropping it releases it"]
pub struct Hold {
    hold: zoa_recipes::Hold<Keeper>,
}

impl Hold {
    const fn new(hold: zoa_recipes::Hold<Keeper>) -> Self {
        Self { hold }
    }

    /// Higher than that of every earlier holder.
    #[must_use]
    pub fn token(&self) -> FencingToken {
        self.hold.token()
    }

    /// How it stands, as far as the session tells: to be asked before each deed.
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.hold.state()
    }

    /// Waits for so long at most until it may be lost; whether it may be.
    #[must_use]
    pub fn is_lost_within(&self, limit: Duration) -> bool {
        wait_within(limit, self.hold.lost()).is_some()
    }

    /// Asks the server whether its znode is still there.
    ///
    /// # Errors
    /// When the session has ended.
    pub fn check(&self) -> Result<bool, Error> {
        wait(self.hold.check())
    }

    /// The condition that it is still held, as a step of a multi.
    #[must_use]
    pub fn fence(&self) -> Step {
        self.hold.fence()
    }

    /// Releases it; returns when it is gone.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later.
    pub fn release(self) -> Result<(), Error> {
        wait(self.hold.release())
    }
}

/// A queue; see [`zoa_recipes::Queue`].
#[derive(Debug)]
pub struct Queue {
    queue: zoa_recipes::Queue<Keeper>,
}

impl Queue {
    /// The queue at this path, which is made when needed.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Self {
        let queue = zoa_recipes::Queue::new(&Keeper::new(client), path);
        Self { queue }
    }

    /// Puts an item behind all others.
    ///
    /// # Errors
    /// When the session ends, or the item is too long for a znode.
    pub fn put(&mut self, item: &[u8]) -> Result<(), Error> {
        wait(self.queue.put(item))
    }

    /// Takes the first item; waits until there is one.
    ///
    /// # Errors
    /// When the session ends.
    pub fn take(&mut self) -> Result<Vec<u8>, Error> {
        wait(self.queue.take())
    }

    /// Takes the first item; waits for so long at most.
    ///
    /// # Errors
    /// When the session ends.
    pub fn take_within(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, Error> {
        wait(self.queue.take_within(limit))
    }

    /// How many items there are.
    ///
    /// # Errors
    /// When the session ends.
    pub fn len(&self) -> Result<usize, Error> {
        wait(self.queue.len())
    }

    /// Whether there is no item.
    ///
    /// # Errors
    /// When the session ends.
    pub fn is_empty(&self) -> Result<bool, Error> {
        wait(self.queue.is_empty())
    }
}

/// A counter; see [`zoa_recipes::Counter`].
#[derive(Debug)]
pub struct Counter {
    counter: zoa_recipes::Counter<Keeper>,
}

impl Counter {
    /// The counter at this path; one that is not there counts as 0.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Self {
        let counter = zoa_recipes::Counter::new(&Keeper::new(client), path);
        Self { counter }
    }

    /// The number, as the server knows it.
    ///
    /// # Errors
    /// When the session ends, or the znode holds no number.
    pub fn get(&self) -> Result<i64, Error> {
        wait(self.counter.get())
    }

    /// Adds to it, and tells the number that this made.
    ///
    /// # Errors
    /// When the session ends, or the znode holds no number.
    pub fn add(&mut self, by: i64) -> Result<i64, Error> {
        wait(self.counter.add(by))
    }
}

/// A group; see [`zoa_recipes::Group`].
#[derive(Clone, Debug)]
pub struct Group {
    group: zoa_recipes::Group<Keeper>,
}

impl Group {
    /// The group at this path, which is made when needed.
    #[must_use]
    pub fn new(client: &Client, path: &str) -> Self {
        let group = zoa_recipes::Group::new(&Keeper::new(client), path);
        Self { group }
    }

    /// Becomes a member, until [`Member::leave`] or the end of the session.
    ///
    /// # Errors
    /// When the session ends.
    pub fn join(&self, identifier: &str) -> Result<Member, Error> {
        let member = wait(self.group.join(identifier))?;
        Ok(Member { member })
    }

    /// The identifiers of all members, in order.
    ///
    /// # Errors
    /// When the session ends.
    pub fn members(&self) -> Result<Vec<String>, Error> {
        wait(self.group.members())
    }

    /// Waits for so long at most until the members are others than these, and tells them.
    ///
    /// # Errors
    /// When the session ends.
    pub fn changed_within(
        &self,
        limit: Duration,
        from: &[String],
    ) -> Result<Option<Vec<String>>, Error> {
        wait_within(limit, self.group.changed(from)).transpose()
    }
}

/// A membership; see [`zoa_recipes::Member`]. When it is dropped it ends in the background.
#[derive(Debug)]
#[must_use = "dropping it leaves the group"]
pub struct Member {
    member: zoa_recipes::Member<Keeper>,
}

impl Member {
    /// How it stands, as far as the session tells.
    #[must_use]
    pub fn state(&self) -> HoldState {
        self.member.state()
    }

    /// Leaves the group; returns when others can see it.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later.
    pub fn leave(self) -> Result<(), Error> {
        wait(self.member.leave())
    }
}

/// A typed configuration in one znode; see [`zoa_recipes::Settings`].
#[derive(Debug)]
pub struct Settings<T> {
    settings: zoa_recipes::Settings<Keeper, T>,
}

impl<T> Settings<T> {
    /// Follows the configuration at this path.
    pub fn new(
        client: &Client,
        path: &str,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        let settings = zoa_recipes::Settings::new(&Keeper::new(client), path, parse);
        Self { settings }
    }

    /// The last good value.
    #[must_use]
    pub const fn current(&self) -> Option<&T> {
        self.settings.current()
    }

    /// Waits for so long at most until something else is written there, and tells how good it is; the first time at once.
    ///
    /// # Errors
    /// When the session ends.
    pub fn changed_within(&mut self, limit: Duration) -> Result<Option<Change>, Error> {
        wait_within(limit, self.settings.changed()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::thread;
    use std::time::Duration;

    use zoa_recipes::Change;
    use zoa_recipes::HoldState;
    use zoa_server::testing::LocalServer;

    use super::Counter;
    use super::Election;
    use super::Group;
    use super::Lock;
    use super::Queue;
    use super::Settings;
    use crate::CreateMode;
    use crate::Version;
    use crate::blocking::Client;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn threads_contend_without_a_runtime_and_waiting_ends_in_time() -> Result<(), Box<dyn Error>> {
        let server = LocalServer::start();
        let client = Client::connect(&server.connect_string())?;
        let lock = Lock::new(&client, "/lock").identifier("a");
        let hold = lock.acquire()?;
        assert!(lock.acquire_within(SHORT)?.is_none() && lock.try_acquire()?.is_none());
        assert!(!hold.is_lost_within(SHORT));
        let other = lock.clone();
        let waiting = thread::spawn(move || other.acquire().map(|hold| hold.token()));
        while lock.contenders()?.len() < 2 {}
        let token = hold.token();
        // Given back by a thread in the background.
        drop(hold);
        assert!(waiting.join().expect("it does not panic")? > token);
        let mut queue = Queue::new(&client, "/queue");
        assert_eq!(queue.take_within(SHORT)?, None);
        queue.put(b"item")?;
        assert_eq!(queue.take()?, b"item");
        assert_eq!(Counter::new(&client, "/counter").add(3)?, 3);
        Ok(())
    }

    #[test]
    fn who_is_there_and_what_is_set_is_told_to_threads() -> Result<(), Box<dyn Error>> {
        let server = LocalServer::start();
        let client = Client::connect(&server.connect_string())?;
        let group = Group::new(&client, "/group");
        let member = group.join("one")?;
        let there = group.members()?;
        assert_eq!(group.changed_within(SHORT, &there)?, None);
        member.leave()?;
        assert_eq!(group.changed_within(LONG, &there)?, Some(Vec::new()));
        client.create("/set", b"8", CreateMode::Persistent)?;
        let parse = |bytes: &[u8]| String::from_utf8_lossy(bytes).parse::<u8>();
        let mut settings = Settings::new(&client, "/set", move |bytes| {
            parse(bytes).map_err(|error| error.to_string())
        });
        assert_eq!(settings.changed_within(LONG)?, Some(Change::Good));
        assert_eq!(settings.changed_within(SHORT)?, None);
        client.set_data("/set", b"9", Version::ANY)?;
        assert_eq!(settings.changed_within(LONG)?, Some(Change::Good));
        assert_eq!(settings.current(), Some(&9));
        let leadership = Election::new(&client, "/election", "a").lead()?;
        client.close();
        assert!(leadership.is_lost_within(LONG));
        assert_eq!(leadership.state(), HoldState::Lost);
        Ok(())
    }
}
