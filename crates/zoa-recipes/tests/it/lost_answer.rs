//! A client of a farm that hears no answer, and finds nothing when it looks.

use std::time::Duration;

use zoa_client::Client;
use zoa_client::ErrorCode;
use zoa_client::SessionId;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::FarmClient;
use zoa_recipes::Keeper;
use zoa_recipes::Known;
use zoa_recipes::NewTask;
use zoa_recipes::Read;
use zoa_recipes::Standing;
use zoa_server::testing::LocalServer;

use crate::Outcome;

/// Its multis are made and their answers lost; and what they queued has ended and was deleted by then.
#[derive(Clone)]
struct Unlucky(Client);

impl Keeper for Unlucky {
    type Fired = <Client as Keeper>::Fired;

    fn ask(&self, request: Ask) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        let client = self.0.clone();
        let is_multi = matches!(request, Ask::Multi(_));
        let asked = client.ask(request);
        async move {
            let answer = asked.await;
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
        }
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Self::Fired), Failure>> + Send + use<> {
        self.0.ask_and_watch(read)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        Keeper::sleep(&self.0, duration)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn standing(&self) -> Standing {
        self.0.standing()
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.standing_change()
    }

    fn session_id(&self) -> SessionId {
        Keeper::session_id(&self.0)
    }

    fn random(&self) -> [u8; 16] {
        self.0.random()
    }

    fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.detach(task);
    }
}

#[tokio::test]
async fn what_was_accepted_and_is_found_nowhere_is_told_without_its_number() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&Unlucky(client), "/farm");
    let tasks = [NewTask::new(b"1"), NewTask::new(b"2")];
    let submitted = tokio::time::timeout(Duration::from_secs(10), farm.submit(&tasks)).await??;
    assert_eq!(submitted.len(), 2);
    for name in submitted {
        assert!(name.starts_with("500-") && name.ends_with('-'), "{name}");
    }
    Ok(())
}
