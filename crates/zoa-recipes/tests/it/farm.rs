//! A farm on a real server: what is refused, tried again, cancelled and given up.

use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
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

/// A leader that leads until the runtime ends.
fn lead(client: &Client) {
    let leader = FarmLeader::new(client, ROOT, "leader");
    tokio::spawn(async move { leader.run().await });
}

#[tokio::test]
async fn a_full_queue_refuses_all_and_loses_nothing() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let config = b"{\"queue_max\":3}";
    client.create(ROOT, b"", CreateMode::Persistent).await?;
    client
        .create("/farm/config", config, CreateMode::Persistent)
        .await?;
    farm.submit(&[NewTask::new(b"1"), NewTask::new(b"2")])
        .await?;
    let refused = farm.submit(&[NewTask::new(b"3"), NewTask::new(b"4")]).await;
    let full = Error::Full {
        path: "/farm/queue".to_owned(),
        count: 2,
        count_max: 3,
    };
    assert_eq!(refused, Err(full));
    assert_eq!(farm.counts().await?.queued, 2);
    Ok(())
}

#[tokio::test]
async fn a_task_is_tried_again_in_the_order_of_priority_and_given_up_in_the_end() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let urgent = NewTask {
        priority: 1,
        attempts_max: 2,
        ..NewTask::new(b"urgent")
    };
    let tasks = farm.submit(&[NewTask::new(b"usual"), urgent]).await?;
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let first = worker.next().await?;
    assert_eq!(
        (first.payload(), first.attempt()),
        (b"urgent".as_slice(), 1)
    );
    first.fail("no paper").await?;
    let usual = worker.next().await?;
    assert_eq!(usual.payload(), b"usual");
    assert_eq!(usual.done(b"printed").await?, Saved::Yes);
    let again = worker.next().await?;
    assert_eq!((again.name(), again.attempt()), (tasks[1].as_str(), 2));
    again.fail("no ink").await?;
    assert_eq!(
        farm.wait(&tasks[0]).await?,
        Progress::Done(b"printed".to_vec())
    );
    assert_eq!(
        farm.wait(&tasks[1]).await?,
        Progress::Dead("no ink".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn what_a_silent_or_dead_worker_had_goes_on_and_its_late_result_is_refused() -> Outcome {
    let server = LocalServer::start();
    let address = server.connect_string();
    let client = Client::connect(&address).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut silent = FarmWorker::register(&client, ROOT, 1).await?;
    let task = NewTask {
        time_limit_ms: 50,
        ..NewTask::new(b"work")
    };
    let tasks = farm.submit(&[task]).await?;
    let late = silent.next().await?;
    let other = Client::connect(&address).await?;
    let mut dying = FarmWorker::register(&other, ROOT, 2).await?;
    // The one with more room gets it next, and dies with it.
    let lost = dying.next().await?;
    assert_eq!((lost.name(), lost.attempt()), (late.name(), 2));
    other.close().await;
    assert_eq!(late.done(b"late").await?, Saved::TakenAway);
    let third = tokio::time::timeout(Duration::from_secs(20), silent.next()).await??;
    assert_eq!(third.attempt(), 3);
    assert_eq!(third.done(b"right").await?, Saved::Yes);
    assert_eq!(
        farm.wait(&tasks[0]).await?,
        Progress::Done(b"right".to_vec())
    );
    Ok(())
}

#[tokio::test]
async fn a_cancelled_task_is_a_dead_letter_and_its_result_is_refused() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let tasks = farm
        .submit(&[NewTask::new(b"a"), NewTask::new(b"b")])
        .await?;
    assert!(farm.cancel(&tasks[1]).await?);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 2).await?;
    let running = worker.next().await?;
    assert_eq!(farm.progress(&tasks[0]).await?, Progress::Running);
    assert!(farm.cancel(&tasks[0]).await?);
    assert_eq!(running.done(b"too late").await?, Saved::TakenAway);
    for task in &tasks {
        assert_eq!(
            farm.progress(task).await?,
            Progress::Dead("cancelled".to_owned())
        );
    }
    Ok(())
}
