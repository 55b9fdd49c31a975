//! A client to which something happens that a test has chosen; for the rest it is the real one.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use zoa_client::Client;
use zoa_client::SessionId;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::Keeper;
use zoa_recipes::Read;
use zoa_recipes::Standing;

type Asked = Result<Answer, Failure>;
pub(crate) type Heard = Pin<Box<dyn Future<Output = Asked> + Send>>;

/// What happens.
pub(crate) trait Mishap: Send + Sync + 'static {
    /// A request is sent.
    fn ask(&self, _: &Ask) {}

    /// What the recipe hears of a request that was answered so.
    fn hear(&self, request: &Ask, answer: Asked, client: Client) -> Heard;

    /// How the session seems to stand, that stands so.
    fn standing(&self, standing: Standing) -> Standing {
        standing
    }
}

/// A client that meets with this.
#[derive(Clone)]
pub(crate) struct Meets {
    client: Client,
    mishap: Arc<dyn Mishap>,
}

impl Meets {
    pub(crate) fn new(client: Client, mishap: impl Mishap) -> Self {
        let mishap = Arc::new(mishap);
        Self { client, mishap }
    }
}

impl Keeper for Meets {
    type Fired = <Client as Keeper>::Fired;

    fn ask(&self, request: Ask) -> impl Future<Output = Asked> + Send + use<> {
        let Self { client, mishap } = self.clone();
        mishap.ask(&request);
        let asked = client.ask(request.clone());
        async move {
            let answer = asked.await;
            mishap.hear(&request, answer, client).await
        }
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Self::Fired), Failure>> + Send + use<> {
        self.client.ask_and_watch(read)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        Keeper::sleep(&self.client, duration)
    }

    fn now(&self) -> Duration {
        self.client.now()
    }

    fn standing(&self) -> Standing {
        self.mishap.standing(self.client.standing())
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        self.client.standing_change()
    }

    fn session_id(&self) -> SessionId {
        Keeper::session_id(&self.client)
    }

    fn random(&self) -> [u8; 16] {
        self.client.random()
    }

    fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.client.detach(task);
    }
}
