//! A dead letter that two clients try again, one of them by what it had read long before.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use zoa_client::Client;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::NewTask;
use zoa_recipes::Read;
use zoa_recipes::Saved;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

const ROOT: &str = "/farm";

/// It has read a dead letter, and goes on when it is told to.
struct Hesitates(Arc<Barrier>);

impl Mishap for Hesitates {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        let barrier = Arc::clone(&self.0);
        let is_dead_letter =
            matches!(request, Ask::Read(Read::Data(path)) if path.starts_with("/farm/dead/"));
        Box::pin(async move {
            if is_dead_letter {
                barrier.wait().await;
                barrier.wait().await;
            }
            answer
        })
    }
}

#[tokio::test]
async fn a_dead_letter_that_is_tried_again_by_an_old_look_has_no_number_of_before() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let leader = FarmLeader::new(&client, ROOT, "leader");
    tokio::spawn(async move { leader.run().await });
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    let first = worker.next().await?;
    assert!(farm.cancel(&name).await?);
    let barrier = Arc::new(Barrier::new(2));
    let hesitant = Meets::new(client.clone(), Hesitates(Arc::clone(&barrier)));
    let mut slow = FarmClient::new(&hesitant, ROOT);
    let meanwhile = async {
        barrier.wait().await;
        assert!(farm.revive(&name).await?);
        let second = worker.next().await?;
        assert!(farm.cancel(&name).await?);
        barrier.wait().await;
        Ok::<_, zoa_recipes::Error>(second)
    };
    let (revived, second) = tokio::join!(slow.revive(&name), meanwhile);
    assert!(revived?);
    let second = second?;
    let third = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert!(first.attempt() < second.attempt() && second.attempt() < third.attempt());
    assert_eq!(second.done(b"late").await?, Saved::TakenAway);
    assert_eq!(third.done(b"right").await?, Saved::Yes);
    Ok(())
}
