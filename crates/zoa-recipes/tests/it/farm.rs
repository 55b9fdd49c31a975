//! A farm on a real server: what is refused, tried again, cancelled and given up.

use std::time::Duration;

use zoa_client::Acl;
use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::Perms;
use zoa_client::Version;
use zoa_recipes::Error;
use zoa_recipes::FarmClient;
use zoa_recipes::FarmLeader;
use zoa_recipes::FarmWorker;
use zoa_recipes::Keeper;
use zoa_recipes::NewTask;
use zoa_recipes::Progress;
use zoa_recipes::Saved;
use zoa_recipes::TASK_LEN_MAX;
use zoa_server::testing::LocalServer;

use crate::Outcome;
use crate::received;

const ROOT: &str = "/farm";

/// A leader that leads until the runtime ends.
fn lead(client: &Client) {
    let leader = FarmLeader::new(client, ROOT, "leader");
    tokio::spawn(async move { leader.run().await });
}

/// Says, before there is a farm, how many tasks its queue may hold.
async fn limit_queue(client: &Client, queue_max: u64) -> Outcome {
    let persistent = CreateMode::Persistent;
    client.create(ROOT, b"", persistent).await?;
    let config = format!("{{\"queue_max\":{queue_max}}}");
    client.create("/farm/config", &config, persistent).await?;
    Ok(())
}

/// Waits until this task is a dead letter whose reason has these words.
async fn assert_dead(farm: &FarmClient<Client>, (task, words): (&str, &str)) -> Outcome {
    let dead = tokio::time::timeout(Duration::from_secs(10), farm.wait(task)).await??;
    assert!(
        matches!(&dead, Progress::Dead(why) if why.contains(words)),
        "{dead:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_full_queue_refuses_all_and_loses_nothing() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    limit_queue(&client, 3).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    farm.submit(&[NewTask::new(b"1"), NewTask::new(b"2")])
        .await?;
    let refused = farm.submit(&[NewTask::new(b"3"), NewTask::new(b"4")]).await;
    let full = Error::Full {
        path: "/farm/queue".to_owned(),
        count: 2,
        count_max: 3,
        accepted: Vec::new(),
    };
    assert_eq!(refused, Err(full));
    assert_eq!(farm.counts().await?.queued, 2);
    Ok(())
}

#[tokio::test]
async fn clients_that_submit_at_the_same_time_fill_the_queue_to_its_limit_and_never_beyond()
-> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    limit_queue(&client, 50).await?;
    let mut submitting = Vec::new();
    for _ in 0..12 {
        let client = Client::connect(&server.connect_string()).await?;
        submitting.push(tokio::spawn(async move {
            let mut farm = FarmClient::new(&client, ROOT);
            let mut accepted = 0;
            loop {
                match farm.submit(&[NewTask::new(b"1"), NewTask::new(b"2")]).await {
                    Ok(names) => accepted += names.len(),
                    Err(Error::Full { .. }) => return Ok(accepted),
                    Err(other) => return Err(other),
                }
            }
        }));
    }
    let mut accepted = 0;
    for one in submitting {
        accepted += one.await??;
    }
    let queued = FarmClient::new(&client, ROOT).counts().await?.queued;
    assert_eq!((accepted, queued), (50, 50));
    Ok(())
}

#[tokio::test]
async fn more_than_fits_at_once_is_submitted_and_worked_on_in_parts() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let long = NewTask::new(&vec![7; 300_000]);
    let tasks = farm.submit(&vec![long; 8]).await?;
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 8).await?;
    for _ in &tasks {
        let assignment = worker.next().await?;
        let result = assignment.payload().to_vec();
        assert_eq!(assignment.done(&result).await?, Saved::Yes);
    }
    for task in &tasks {
        let done = farm.progress(task).await?;
        assert_eq!(done, Progress::Done(vec![7; 300_000]));
    }
    Ok(())
}

#[tokio::test]
async fn a_task_is_given_up_at_its_deadline_wherever_it_is() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let hurried = NewTask {
        deadline_ms: 300,
        ..NewTask::new(b"hurried")
    };
    let tasks = farm.submit(&[hurried.clone(), hurried]).await?;
    let running = worker.next().await?;
    running.taken_away().await?;
    assert_eq!(running.done(b"late").await?, Saved::TakenAway);
    for task in &tasks {
        let dead = Progress::Dead("the deadline has passed".to_owned());
        assert_eq!(farm.wait(task).await?, dead);
    }
    Ok(())
}

#[tokio::test]
async fn a_leader_whose_place_in_line_was_deleted_stands_again() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let first = Client::connect(&server.connect_string()).await?;
    lead(&first);
    let stands = |count: usize| {
        let client = client.clone();
        async move {
            loop {
                // Not there before the first one has made it.
                let names = client
                    .get_children("/farm/leader")
                    .await
                    .unwrap_or_default();
                if names.len() == count {
                    return names;
                }
            }
        }
    };
    let leading = stands(1).await;
    lead(&client);
    for name in stands(2).await {
        if !leading.contains(&name) {
            let path = format!("/farm/leader/{name}");
            client.delete(&path, Version::ANY).await?;
        }
    }
    first.close().await;
    let mut farm = FarmClient::new(&client, ROOT);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    farm.submit(&[NewTask::new(b"work")]).await?;
    let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!(assignment.done(b"").await?, Saved::Yes);
    Ok(())
}

#[tokio::test]
async fn a_time_limit_goes_on_under_the_next_leader() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let first = Client::connect(&server.connect_string()).await?;
    lead(&first);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let limit = Duration::from_secs(3);
    let task = NewTask {
        time_limit_ms: 3_000,
        ..NewTask::new(b"slow")
    };
    farm.submit(&[task]).await?;
    let running = worker.next().await?;
    let begun = client.now();
    tokio::time::sleep(limit / 2).await;
    first.close().await;
    lead(&client);
    running.taken_away().await?;
    let taken = client.now() - begun;
    // One that began to count anew would take half as long again.
    assert!(taken < limit * 4 / 3, "taken away after {taken:?}");
    drop(running);
    assert_eq!(worker.next().await?.attempt(), 2);
    Ok(())
}

#[tokio::test]
async fn what_is_no_task_becomes_a_dead_letter_and_stops_nobody() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let good = farm.submit(&[NewTask::new(b"good")]).await?;
    let bad = "/farm/queue/000-by-hand-0000000009";
    client
        .create(bad, b"rubbish", CreateMode::Persistent)
        .await?;
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    worker.next().await?.done(b"").await?;
    assert_eq!(farm.wait(&good[0]).await?, Progress::Done(Vec::new()));
    let dead = farm.wait("000-by-hand-0000000009").await?;
    assert!(matches!(dead, Progress::Dead(_)), "{dead:?}");
    Ok(())
}

#[tokio::test]
async fn results_that_are_too_many_or_too_old_are_cleaned_up() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    client.create(ROOT, b"", CreateMode::Persistent).await?;
    let config = b"{\"results_max\":10}";
    client
        .create("/farm/config", config, CreateMode::Persistent)
        .await?;
    let tasks = farm.submit(&vec![NewTask::new(b""); 30]).await?;
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 30).await?;
    for _ in &tasks {
        worker.next().await?.done(b"").await?;
    }
    while farm.counts().await?.done != 10 {}
    let (mut kept, _) = farm.ended().await?;
    kept.sort_by_key(|name| name.rsplit('-').next().map(str::to_owned));
    assert_eq!(kept, tasks[20..]);
    let config = b"{\"keep_ms\":1}";
    client
        .set_data("/farm/config", config, Version::ANY)
        .await?;
    while farm.counts().await?.done != 0 {}
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

#[tokio::test]
async fn a_late_result_is_refused_also_when_the_task_was_cancelled_and_tried_again_meanwhile()
-> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let task = NewTask {
        attempts_max: 1,
        ..NewTask::new(b"work")
    };
    let name = farm.submit(&[task]).await?.remove(0);
    let late = worker.next().await?;
    assert!(farm.cancel(&name).await?);
    assert!(farm.revive(&name).await?);
    // The only worker gets it again, as another attempt.
    let again = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert!(late.attempt() < again.attempt());
    assert_eq!(late.done(b"late").await?, Saved::TakenAway);
    // It may be begun once since it was tried again, and no oftener.
    again.fail("no paper").await?;
    assert_eq!(
        farm.wait(&name).await?,
        Progress::Dead("no paper".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_task_among_the_assigned_becomes_a_dead_letter_and_stops_no_worker() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let mut worker = FarmWorker::register(&client, ROOT, 2).await?;
    let bad = format!("/farm/assigned/{}/000-by-hand-0000000009.1", worker.id());
    client
        .create(&bad, b"rubbish", CreateMode::Persistent)
        .await?;
    let good = farm.submit(&[NewTask::new(b"good")]).await?;
    lead(&client);
    let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assignment.done(b"").await?;
    assert_eq!(farm.wait(&good[0]).await?, Progress::Done(Vec::new()));
    assert_dead(&farm, ("000-by-hand-0000000009", "task")).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_worker_cannot_read_fails_as_it_is_and_stops_no_worker() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut worker = FarmWorker::register(&client, ROOT, 5).await?;
    let assigned = |name: &str| format!("/farm/assigned/{}/{name}.1", worker.id());
    // Deeper than what Rust reads, and not deeper than what PHP does.
    let deep = format!(
        "{{\"attempt\":1,\"deep\":{}{}}}\nwork",
        "[".repeat(300),
        "]".repeat(300)
    );
    let persistent = CreateMode::Persistent;
    let [closed, free, taken] = ["000-by-hand-1", "000-by-hand-2", "000-by-hand-3"];
    for name in [closed, free, taken] {
        client.create(&assigned(name), &deep, persistent).await?;
    }
    let nobody = Acl {
        perms: Perms::WRITE,
        scheme: "world".to_owned(),
        id: "anyone".to_owned(),
    };
    client
        .set_acl(&assigned(closed), &[nobody], Version::ANY)
        .await?;
    let failed = format!("/farm/failed/{taken}");
    client.create(&failed, b"{}\n", persistent).await?;
    let good = b"{\"attempt\":1}\ngood";
    client
        .create(&assigned("500-by-hand-4"), good, persistent)
        .await?;
    let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!(assignment.payload(), b"good");
    let failed = client.get_data(&format!("/farm/failed/{free}")).await?;
    assert_eq!(failed.data.as_deref(), Some(deep.as_bytes()));
    let left = format!("/farm/assigned/{}", worker.id());
    let mut left = client.get_children(&left).await?;
    left.sort();
    let expected = [closed, taken, "500-by-hand-4"].map(|name| format!("{name}.1"));
    assert_eq!(left, expected);
    Ok(())
}

#[tokio::test]
async fn a_task_in_lost_hands_goes_to_another() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    drop(worker.next().await?);
    let again = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!((again.name(), again.attempt()), (name.as_str(), 2));
    let working = tokio::spawn(async move {
        let _held = again;
        panic!("the work goes wrong, as it is meant to");
    });
    assert!(working.await.is_err());
    let last = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!(last.attempt(), 3);
    assert_eq!(last.done(b"").await?, Saved::Yes);
    Ok(())
}

#[tokio::test]
async fn many_clients_at_the_same_time_keep_to_a_short_queue() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    limit_queue(&client, 150).await?;
    let mut submitting = Vec::new();
    for _ in 0..10 {
        let client = Client::connect(&server.connect_string()).await?;
        submitting.push(tokio::spawn(async move {
            let mut farm = FarmClient::new(&client, ROOT);
            farm.submit(&vec![NewTask::new(b"1"); 70]).await
        }));
    }
    let mut accepted = 0;
    for one in submitting {
        accepted += usize::from(one.await?.is_ok());
    }
    let queued = FarmClient::new(&client, ROOT).counts().await?.queued;
    assert_eq!((accepted, queued), (2, 140));
    Ok(())
}

#[tokio::test]
async fn a_task_with_the_highest_number_of_all_becomes_a_dead_letter_and_stops_nobody() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let good = farm.submit(&[NewTask::new(b"good")]).await?;
    let bad = "/farm/queue/000-by-hand-0000000009";
    let header = b"{\"attempt\":18446744073709551615,\"attempts_before\":18446744073709551615}\n";
    client.create(bad, header, CreateMode::Persistent).await?;
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
    assert_eq!(assignment.name(), good[0]);
    assignment.done(b"").await?;
    assert_dead(&farm, ("000-by-hand-0000000009", "no attempt is left")).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_longer_than_the_limit_is_refused_by_client_and_worker() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let longest = vec![7; TASK_LEN_MAX];
    let too_long = vec![7; TASK_LEN_MAX + 1];
    let refused = farm
        .submit(&[NewTask::new(b"1"), NewTask::new(&too_long)])
        .await;
    let why = "1000001 bytes are too many for /farm/queue, 1000000 are allowed";
    assert_eq!(
        refused.map_err(|error| error.to_string()),
        Err(why.to_owned())
    );
    assert_eq!(farm.counts().await?.queued, 0);
    let name = farm.submit(&[NewTask::new(&longest)]).await?.remove(0);
    let first = worker.next().await?;
    let refused = first.done(&too_long).await;
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{refused:?}");
    // With the longest error, too.
    let long_error = "\u{1}".repeat(1_000_000);
    worker.next().await?.fail(&long_error).await?;
    let last = worker.next().await?;
    assert_eq!(last.attempt(), 3);
    assert_eq!(last.done(&longest).await?, Saved::Yes);
    assert_eq!(farm.wait(&name).await?, Progress::Done(longest));
    Ok(())
}

#[tokio::test]
async fn a_task_that_is_too_long_to_be_moved_is_given_up_and_stops_nobody() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let good = farm.submit(&[NewTask::new(b"good")]).await?;
    // By hand, and just short enough to be created.
    let header = "{\"attempt\":0,\"attempts_max\":3}\n";
    for (number, len) in [(1, 1_048_400), (2, 1_048_100)] {
        let data = format!("{header}{}", "x".repeat(len - header.len()));
        let path = format!("/farm/queue/000-by-hand-000000000{number}");
        client
            .create(&path, data.as_bytes(), CreateMode::Persistent)
            .await?;
    }
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 3).await?;
    loop {
        let assignment = tokio::time::timeout(Duration::from_secs(10), worker.next()).await??;
        let is_good = assignment.payload() == b"good";
        assignment.done(b"").await?;
        if is_good {
            break;
        }
    }
    assert_eq!(farm.wait(&good[0]).await?, Progress::Done(Vec::new()));
    assert_dead(&farm, ("000-by-hand-0000000001", "did not fit")).await?;
    Ok(())
}

#[tokio::test]
async fn a_leader_is_quiet_about_what_it_cannot_move_and_deletes_what_it_can() -> Outcome {
    let server = LocalServer::start();
    let address = server.connect_string();
    let client = Client::connect(&address).await?;
    let farm = FarmClient::new(&client, ROOT);
    lead(&client);
    // A worker makes the places.
    let _worker = FarmWorker::register(&client, ROOT, 1).await?;
    let persistent = CreateMode::Persistent;
    let config = b"{\"results_max\":2}";
    client.create("/farm/config", config, persistent).await?;
    for number in 0..9 {
        let path = format!("/farm/done/500-by-hand-000000000{number}");
        client.create(&path, b"{}\n", persistent).await?;
    }
    let hurried = b"{\"attempts_max\":3,\"deadline_ms\":1}\n";
    let path = "/farm/queue/500d-by-hand-0000000010";
    for stuck in ["/farm/done/500-by-hand-0000000000", path] {
        let there = client.create(stuck, hurried, persistent).await;
        assert!(there.is_ok() || stuck != path);
        let child = format!("{stuck}/child");
        client.create(&child, b"", persistent).await?;
    }
    let cleaned = async {
        while farm.counts().await?.done != 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<(), Error>(())
    };
    tokio::time::timeout(Duration::from_secs(10), cleaned).await??;
    let before = received(&address)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = received(&address)? - before;
    assert!(asked < 100, "{asked} requests in two seconds");
    Ok(())
}

#[tokio::test]
async fn who_waits_for_what_is_no_more_hears_that() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    lead(&client);
    let mut worker = FarmWorker::register(&client, ROOT, 1).await?;
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    worker.next().await?.done(b"").await?;
    assert!(farm.forget(&name).await?);
    let told = tokio::time::timeout(Duration::from_secs(20), farm.wait(&name)).await??;
    assert_eq!(told, Progress::Unknown);
    // One that lasts longer than that is waited for.
    let name = farm.submit(&[NewTask::new(b"work")]).await?.remove(0);
    let working = async {
        let assignment = worker.next().await?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assignment.done(b"").await
    };
    let (told, saved) = tokio::join!(farm.wait(&name), working);
    assert_eq!((told?, saved?), (Progress::Done(Vec::new()), Saved::Yes));
    Ok(())
}

#[tokio::test]
async fn what_was_accepted_before_a_session_ended_is_told() -> Outcome {
    let server = LocalServer::start();
    let client = Client::connect(&server.connect_string()).await?;
    let mut farm = FarmClient::new(&client, ROOT);
    let watching = Client::connect(&server.connect_string()).await?;
    let seen = FarmClient::new(&watching, ROOT);
    // Each payload is a batch by itself.
    let tasks = vec![NewTask::new(&vec![7; 600_000]); 20];
    let ending = async {
        while seen.counts().await?.queued < 3 {}
        // Whatever is under way then ends with it.
        let _ = client.close().await;
        Ok::<(), Error>(())
    };
    let (submitted, ended) = tokio::join!(farm.submit(&tasks), ending);
    ended?;
    let Err(Error::InPart { accepted, error }) = submitted else {
        panic!("{submitted:?}");
    };
    assert_eq!(*error, Error::SessionEnded);
    let queued = seen.counts().await?.queued;
    assert!(
        accepted.len() >= 2 && (accepted.len()..=accepted.len() + 1).contains(&queued),
        "{} of {queued}",
        accepted.len()
    );
    Ok(())
}
