//! A farm of whose places somebody has deleted one while it runs.

use std::time::Duration;

use zoa_client::Client;
use zoa_client::Version;
use zoa_recipes::Error;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::NewTask;
use zoa_recipes::Progress;
use zoa_recipes::Saved;
use zoa_server::testing::LocalServer;

use crate::Outcome;

const ROOT: &str = "/farm";

/// Long enough for all that needs no pause, and shorter than a leader's after what was refused.
const SOON: Duration = Duration::from_secs(5);

/// A client and a worker of a farm that is led.
async fn at_work(client: &Client) -> Result<(FarmClient<Client>, FarmWorker<Client>), Error> {
    let leader = FarmLeader::new(client, ROOT, "leader");
    tokio::spawn(async move { leader.run().await });
    let worker = FarmWorker::register(client, ROOT, 1).await?;
    Ok((FarmClient::new(client, ROOT), worker))
}

#[tokio::test]
async fn a_task_is_cancelled_and_tried_again_also_when_where_it_is_to_go_was_deleted() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    client.delete("/farm/dead", Version::ANY).await?;
    assert!(tokio::time::timeout(SOON, farm.cancel(&name)).await??);
    let cancelled = Progress::Dead("cancelled".to_owned());
    assert_eq!(farm.progress(&name).await?, cancelled);
    client.delete("/farm/queue", Version::ANY).await?;
    assert!(tokio::time::timeout(SOON, farm.revive(&name)).await??);
    assert_eq!(farm.progress(&name).await?, Progress::Queued);
    Ok(())
}

#[tokio::test]
async fn a_leader_makes_the_places_again_that_it_misses() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let (mut farm, mut worker) = at_work(&client).await?;
    let task = NewTask {
        attempts_max: 2,
        ..NewTask::new(b"work")
    };
    let name = farm.submit(&[task]).await?.remove(0);
    let first = worker.next().await?;
    client.delete("/farm/queue", Version::ANY).await?;
    first.fail("no paper").await?;
    let last = tokio::time::timeout(SOON, worker.next()).await??;
    client.delete("/farm/dead", Version::ANY).await?;
    last.fail("no ink").await?;
    let dead = tokio::time::timeout(SOON, farm.wait(&name)).await??;
    assert_eq!(dead, Progress::Dead("no ink".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_worker_makes_the_place_again_where_its_result_is_to_go() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let (mut farm, mut worker) = at_work(&client).await?;
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    for place in ["failed", "done"] {
        let assignment = tokio::time::timeout(SOON, worker.next()).await??;
        client
            .delete(&format!("/farm/{place}"), Version::ANY)
            .await?;
        let saved = match place {
            "failed" => assignment.fail("no paper").await?,
            _ => assignment.done(b"printed").await?,
        };
        assert_eq!(saved, Saved::Yes);
    }
    let done = Progress::Done(b"printed".to_vec());
    assert_eq!(farm.progress(&name).await?, done);
    Ok(())
}
