//! A client of a farm that hears no answer, and has to look, or finds nothing when it looks.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::ErrorCode;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmClient;
use zoa_recipes::Known;
use zoa_recipes::NewTask;
use zoa_recipes::Progress;
use zoa_recipes::Step;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::mishap::Heard;
use crate::mishap::Meets;
use crate::mishap::Mishap;

/// Its multis are made and their answers lost; and what they queued has ended and was deleted by then.
struct LostAnswers;

impl Mishap for LostAnswers {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, client: Client) -> Heard {
        let is_multi = matches!(request, Ask::Multi(_));
        Box::pin(async move {
            if !is_multi || answer.is_err() {
                return answer;
            }
            for name in client.get_children("/farm/queue").await.unwrap_or_default() {
                let path = format!("/farm/queue/{name}");
                let _ = client.delete(&path, zoa_client::Version::ANY).await;
            }
            Err(lost())
        })
    }
}

const fn lost() -> Failure {
    Failure {
        code: ErrorCode::ConnectionLoss,
        step: None,
        known: Known::Unknown,
    }
}

/// The first deletion is not made, and its answer lost.
#[derive(Default)]
struct LostDeletion(AtomicBool);

impl Mishap for LostDeletion {
    fn hear(&self, request: &Ask, answer: Result<Answer, Failure>, _: Client) -> Heard {
        let is_deletion = matches!(request, Ask::Change(Step::Delete { .. }));
        let is_lost = is_deletion && answer.is_err() && !self.0.swap(true, Ordering::Relaxed);
        let heard = if is_lost { Err(lost()) } else { answer };
        Box::pin(std::future::ready(heard))
    }
}

#[tokio::test]
async fn a_dead_letter_is_deleted_also_when_it_is_not_known_whether_there_was_a_result() -> Outcome
{
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&Meets::new(client, LostDeletion::default()), "/farm");
    let name = farm.submit(&[NewTask::new(b"1")]).await?.remove(0);
    assert!(farm.cancel(&name).await?);
    assert!(farm.forget(&name).await?);
    assert_eq!(farm.progress(&name).await?, Progress::Unknown);
    assert!(!farm.forget(&name).await?);
    Ok(())
}

#[tokio::test]
async fn what_was_accepted_and_is_found_nowhere_is_told_without_its_number() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&Meets::new(client, LostAnswers), "/farm");
    let tasks = [NewTask::new(b"1"), NewTask::new(b"2")];
    let submitted = tokio::time::timeout(Duration::from_secs(10), farm.submit(&tasks)).await??;
    assert_eq!(submitted.len(), 2);
    for name in submitted {
        assert!(name.starts_with("500-") && name.ends_with('-'), "{name}");
    }
    Ok(())
}
