//! How much a farm's leader reads at once.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use zoa_client::Client;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::NewTask;
use zoa_recipes::Read;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

/// Counts the data that were asked for and have not come, and how many those were at most.
#[derive(Clone, Default)]
struct Counts {
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Mishap for Counts {
    fn ask(&self, request: &Ask) {
        if let Ask::Read(Read::Data(_)) = request {
            let before = self.under_way.fetch_add(1, Ordering::Relaxed);
            self.most.fetch_max(before + 1, Ordering::Relaxed);
        }
    }

    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        if let Ask::Read(Read::Data(_)) = request {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
        }
        Box::pin(std::future::ready(answer))
    }
}

/// Each may have a megabyte.
#[tokio::test]
async fn a_leader_reads_some_tens_of_tasks_at_once_however_many_there_are() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, "/farm");
    farm.submit(&vec![NewTask::new(b"work"); 400]).await?;
    let mut workers = Vec::new();
    for capacity in [300, 100] {
        workers.push(FarmWorker::register(&client, "/farm", capacity).await?);
    }
    let counts = Counts::default();
    let keeper = Meets::new(client.clone(), counts.clone());
    let leader = FarmLeader::new(&keeper, "/farm", "leader");
    tokio::spawn(async move { leader.run().await });
    while farm.counts().await?.running < 400 {}
    // They go back to the queue, and then there is nobody else.
    for worker in workers {
        worker.leave().await?;
    }
    while farm.counts().await?.queued < 400 {}
    let most = counts.most.load(Ordering::Relaxed);
    assert!((10..=50).contains(&most), "{most} at once");
    Ok(())
}
