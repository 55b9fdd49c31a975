//! A service registry: under which name which instances serve, and whether they are well. The layout of Curator's discovery.
//!
//! ```text
//! /services/thumbnails/host-7      {"name":"thumbnails","id":"host-7","address":"10.0.0.7","port":8080,"enabled":true,...}
//! ```
//!
//! **Guarantee**: an instance is listed from the time [`register`](Registry::register) returns until it is withdrawn or its session
//! ends, and not while it says that it is not well.
//!
//! **Limits**: an instance that died is listed until its session expires, so whoever calls it must be ready to be refused. Two
//! instances of one name need different ids: a taken id is refused. Of several servers, the one that is asked may be behind the others
//! by a moment; a `sync` before makes up for it.

mod claim;

use serde_json::Value;
use serde_json::json;

use claim::Claim;

use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// An instance of a service.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Instance {
    /// Which of the service's instances; part of a path.
    pub id: String,
    /// Where it is reached: a name or an address.
    pub address: String,
    /// Its port.
    pub port: u16,
}

/// A registry on a path.
///
/// ```
/// # use zoa_client::Client;
/// # use zoa_recipes::{Instance, Registry};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = zoa_server::testing::LocalServer::start();
/// # let client = Client::connect(&server.connect_string()).await?;
/// let registry = Registry::new(&client, "/services");
/// let instance = Instance { id: "a".into(), address: "10.0.0.7".into(), port: 8080 };
/// let mut registration = registry.register("thumbnails", instance.clone()).await?;
/// assert_eq!(registry.instances("thumbnails").await?, [instance]);
/// registration.set_well(false).await?;
/// assert!(registry.instances("thumbnails").await?.is_empty());
/// registration.withdraw().await?;
/// # client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Registry<K> {
    keeper: K,
    path: String,
}

impl<K: Keeper> Registry<K> {
    /// The registry at this path, which is made when needed.
    pub fn new(keeper: &K, path: &str) -> Self {
        Self {
            keeper: keeper.clone(),
            path: path.to_owned(),
        }
    }

    /// Registers an instance that is well. Where this session has registered the same id before, the new registration takes its place,
    /// and the older one owns nothing any more.
    ///
    /// # Errors
    /// When the session ends, or another session has this id.
    pub async fn register(&self, name: &str, instance: Instance) -> Result<Registration<K>, Error> {
        let path = format!("{}/{name}/{}", self.path, instance.id);
        let content = encode(name, &instance, true);
        let claim = Claim::make(&self.keeper, path, &content).await?;
        let name = name.to_owned();
        Ok(Registration {
            claim,
            name,
            instance,
        })
    }

    /// The names under which anything was ever registered.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn names(&self) -> Result<Vec<String>, Error> {
        let names = calls::children(&self.keeper, &self.path).await?;
        let mut names = names.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    /// The instances of a name that are well and have an address and a port, in the order of their ids.
    ///
    /// # Errors
    /// When the session ends, or an entry cannot be read.
    pub async fn instances(&self, name: &str) -> Result<Vec<Instance>, Error> {
        let parent = format!("{}/{name}", self.path);
        let mut ids = calls::children(&self.keeper, &parent)
            .await?
            .unwrap_or_default();
        ids.sort();
        let mut instances = Vec::new();
        for id in ids {
            let path = format!("{parent}/{id}");
            if let Some((content, _)) = calls::data(&self.keeper, &path).await? {
                instances.extend(decode(&path, &content)?);
            }
        }
        Ok(instances)
    }
}

/// What a registration says, as Curator writes it.
fn encode(name: &str, instance: &Instance, is_well: bool) -> Vec<u8> {
    let Instance { id, address, port } = instance;
    let content = json!({
        "name": name, "id": id, "address": address, "port": port, "sslPort": null, "payload": null,
        "registrationTimeUTC": 0, "serviceType": "DYNAMIC", "uriSpec": null, "enabled": is_well,
    });
    content.to_string().into_bytes()
}

/// `None` for one that is not well, or does not say where it is: others' may have a port for TLS only, or an address in the payload.
fn decode(path: &str, content: &[u8]) -> Result<Option<Instance>, Error> {
    let content: Value = serde_json::from_slice(content)
        .map_err(|error| Error::content(path, format!("no registration: {error}")))?;
    let text = |field: &str| {
        content
            .get(field)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let port = content.get("port").and_then(Value::as_u64);
    let instance = (
        text("id"),
        text("address"),
        port.and_then(|port| u16::try_from(port).ok()),
    );
    let (Some(id), Some(address), Some(port)) = instance else {
        return Ok(None);
    };
    let is_well = content
        .get("enabled")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    Ok(is_well.then_some(Instance { id, address, port }))
}

/// An instance that is registered. When it is dropped it is withdrawn in the background, as far as the client still runs.
#[derive(Debug)]
#[must_use = "dropping it withdraws it"]
pub struct Registration<K: Keeper> {
    claim: Claim<K>,
    name: String,
    instance: Instance,
}

impl<K: Keeper> Registration<K> {
    /// Says whether the instance is well; who is not is not listed.
    ///
    /// # Errors
    /// When the session ends, or somebody has deleted the registration.
    pub async fn set_well(&mut self, is_well: bool) -> Result<(), Error> {
        let content = encode(&self.name, &self.instance, is_well);
        self.claim.set(&content).await
    }

    /// Withdraws it; returns when it is gone.
    ///
    /// # Errors
    /// When the session has ended, which takes it along sooner or later, or the server refuses to delete its znode.
    pub async fn withdraw(self) -> Result<(), Error> {
        self.claim.leave().await
    }
}
