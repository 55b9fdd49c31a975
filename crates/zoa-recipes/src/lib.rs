//! Recipes: locks, elections, queues and the rest of what applications build on ZooKeeper.
//!
//! Each recipe stands in a file of its own, whose head states its guarantee and its limits. They are asynchronous code over the
//! trait [`Keeper`], which clients implement; nothing else is awaited. So the simulator runs the same code against the server
//! that ships, with crashes, lost connections and expired sessions (`zoa-sim --scenario recipes`).
//!
//! It is *not* a client, and starts no task, reads no clock and draws no random number by itself.
//!
//! Invariants of all recipes: a lost connection is no error, they go on when there is one again. What belongs to a session ends
//! with it, and a recipe then says [`Error::SessionEnded`]: make a new client and begin again. A write whose outcome is unknown is
//! looked for before it is repeated (G-02). A future that is dropped leaves nothing behind that others wait for.
//!
//! ```text
//! Lock ... Queue            one file each
//!   line, calls             a place in line; requests that outlast lost connections
//!   Keeper                  zoa_client::Client, or the simulator
//! ```

mod barrier;
mod calls;
mod counter;
mod double_barrier;
mod election;
mod error;
mod farm;
mod hold;
mod keeper;
mod line;
mod lock;
mod membership;
mod node_cache;
mod own;
mod persistent_node;
mod priority_queue;
mod queue;
mod race;
mod receipt;
mod registry;
mod rw_lock;
mod semaphore;
mod settings;
mod shared_value;
mod tree_cache;

pub use barrier::Barrier;
pub use counter::Counter;
pub use double_barrier::DoubleBarrier;
pub use double_barrier::Entered;
pub use election::Election;
pub use election::Term;
pub use error::Error;
pub use farm::Assignment;
pub use farm::Ended;
pub use farm::FarmClient;
pub use farm::FarmConfig;
pub use farm::FarmCounts;
pub use farm::FarmLeader;
pub use farm::FarmStatus;
pub use farm::FarmWorker;
pub use farm::NewTask;
pub use farm::Progress;
pub use farm::Saved;
pub use farm::TASK_LEN_MAX;
pub use farm::WorkerStatus;
pub use hold::FencingToken;
pub use hold::Hold;
pub use hold::HoldState;
pub use keeper::Answer;
pub use keeper::Ask;
pub use keeper::Failure;
pub use keeper::Keeper;
pub use keeper::Known;
pub use keeper::Read;
pub use keeper::Standing;
pub use keeper::Step;
pub use lock::Lock;
pub use membership::Group;
pub use membership::Member;
pub use node_cache::Node;
pub use node_cache::NodeCache;
pub use persistent_node::PersistentNode;
pub use priority_queue::PRIORITY_MAX;
pub use priority_queue::PriorityQueue;
pub use queue::Queue;
pub use registry::Instance;
pub use registry::Registration;
pub use registry::Registry;
pub use rw_lock::RwLock;
pub use semaphore::Lease;
pub use semaphore::Semaphore;
pub use settings::Change;
pub use settings::Settings;
pub use shared_value::SharedValue;
pub use shared_value::Versioned;
pub use tree_cache::TreeCache;
