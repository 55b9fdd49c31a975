//! A semaphore whose inner lock is given back so slowly that the session does not outlive it.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use zoa_client::Client;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Error;
use zoa_recipes::Failure;
use zoa_recipes::Semaphore;
use zoa_recipes::Standing;
use zoa_recipes::Step;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

/// The session ends while a deletion is on its way.
#[derive(Default)]
struct EndsWithDeletion(AtomicBool);

impl Mishap for EndsWithDeletion {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        if matches!(request, Ask::Change(Step::Delete { .. })) {
            self.0.store(true, Ordering::Relaxed);
        }
        Box::pin(std::future::ready(answer))
    }

    fn standing(&self, standing: Standing) -> Standing {
        match self.0.load(Ordering::Relaxed) {
            true => Standing::Ended,
            false => standing,
        }
    }
}

#[tokio::test]
async fn no_lease_is_given_in_a_session_that_ended_while_the_lock_was_given_back() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let keeper = Meets::new(client, EndsWithDeletion::default());
    let lease = Semaphore::new(&keeper, "/semaphore", 2).acquire().await;
    assert_eq!(lease.map(|_| ()), Err(Error::SessionEnded));
    Ok(())
}
