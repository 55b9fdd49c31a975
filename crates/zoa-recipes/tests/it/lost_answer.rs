//! A client of a farm that hears no answer, and finds nothing when it looks.

use std::time::Duration;

use zoa_client::Client;
use zoa_client::ErrorCode;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmClient;
use zoa_recipes::Known;
use zoa_recipes::NewTask;
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
            Err(Failure {
                code: ErrorCode::ConnectionLoss,
                step: None,
                known: Known::Unknown,
            })
        })
    }
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
