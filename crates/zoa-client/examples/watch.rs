//! Follows one znode and prints every change that it sees: `watch 127.0.0.1:2181 /test`.
//!
//! A watch fires once. So the value is read again with a new watch in the same request: no change after that read goes
//! unnoticed. Two changes in quick succession may be seen as one; the last value never is missed, a lost connection or not.
#![expect(clippy::print_stdout, reason = "a program to read and run")]

use std::error::Error;

use zoa_client::Client;
use zoa_client::ErrorCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hosts, path] = arguments.as_slice() else {
        return Err("watch HOSTS PATH, e.g. watch 127.0.0.1:2181 /test".into());
    };
    let client = Client::connect(hosts).await?;
    loop {
        let fired = match client.get_data_and_watch(path).await {
            Ok((node, watch)) => {
                let version = node.stat.version.0;
                println!("{path} is {:?} (version {version})", node.text());
                watch.await?
            }
            // A watch can also wait for a znode that is not there.
            Err(error) if error.code() == ErrorCode::NoNode => {
                println!("{path} does not exist");
                let (stat, watch) = client.exists_and_watch(path).await?;
                if stat.is_some() {
                    continue;
                }
                watch.await?
            }
            Err(error) => return Err(error.into()),
        };
        println!("{:?}", fired.event);
    }
}
