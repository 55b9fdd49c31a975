//! What a farm's leader deletes, and how long after it has seen how old that is.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::Read;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

const COUNT: usize = 250;

/// How many dead letters there are when the leader hears of the age of the last one.
#[derive(Clone, Default)]
struct CountsAtTheLast(Arc<Mutex<Option<usize>>>);

impl Mishap for CountsAtTheLast {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, client: Client) -> Heard {
        let last = letter(COUNT - 1);
        let is_last = matches!(request, Ask::Read(Read::Exists(path)) if *path == last);
        let counted = Arc::clone(&self.0);
        Box::pin(async move {
            if is_last {
                let names = client.get_children("/farm/dead").await.unwrap_or_default();
                let mut counted = counted.lock().expect("nobody panics with it");
                counted.get_or_insert(names.len());
            }
            answer
        })
    }
}

fn letter(number: usize) -> String {
    format!("/farm/dead/500-by-hand-{number:010}")
}

/// A dead letter that is tried again, and dead again, after its age was seen must not be deleted for that: its name is the same.
#[tokio::test]
async fn what_is_old_is_deleted_before_others_are_asked_for_their_age() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    // A worker makes the places.
    let _worker = FarmWorker::register(&client, "/farm", 1).await?;
    let persistent = CreateMode::Persistent;
    for number in 0..COUNT {
        client.create(&letter(number), b"{}\n", persistent).await?;
    }
    let config = b"{\"keep_ms\":1}";
    client.create("/farm/config", config, persistent).await?;
    let counts = CountsAtTheLast::default();
    let keeper = Meets::new(client.clone(), counts.clone());
    let leader = FarmLeader::new(&keeper, "/farm", "leader");
    tokio::spawn(async move { leader.run().await });
    let cleaned = async {
        while !client.get_children("/farm/dead").await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<(), zoa_client::Error>(())
    };
    tokio::time::timeout(Duration::from_secs(20), cleaned).await??;
    let counted = *counts.0.lock().expect("nobody panics with it");
    assert_eq!(counted, Some(COUNT % 100));
    Ok(())
}
