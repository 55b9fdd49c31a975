//! Methods about the configuration of the ensemble.

use std::rc::Rc;

use zoa_client::Reconfig;

use super::text_of;
use crate::engine::Call;
use crate::engine::CallbackArg;
use crate::engine::LongArg;
use crate::engine::OutArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::new_object;
use crate::errors;
use crate::registration::WatchKind;
use crate::session::Repeat;
use crate::session::Session;
use crate::values;
use crate::zookeeper::Zookeeper;
use crate::zookeeper::ZookeeperConfig;

/// Where the servers keep it.
const CONFIG_PATH: &str = "/zookeeper/config";

pub(super) fn get_config(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let session = &call.native::<Zookeeper>().session;
    let _ = session.client()?;
    Ok(new_object(|config: &ZookeeperConfig| {
        config.session.replace(Some(Rc::clone(session)));
    }))
}

fn session_of(call: &Call) -> Result<Rc<Session>, Thrown> {
    let config = call.native::<ZookeeperConfig>();
    let session = config.session.borrow().clone();
    session.ok_or_else(errors::throw_not_connected)
}

pub(super) fn get(call: &Call) -> Result<Value, Thrown> {
    let (mut watcher, mut stat) = (CallbackArg::nullable(), OutArg::number(2));
    call.parse(&mut [], &mut [&mut watcher, &mut stat])?;
    let session = session_of(call)?;
    let config = if watcher.is_given() {
        let watched = (WatchKind::Config, CONFIG_PATH);
        session.perform_watching(watched, &watcher, |client, watcher| {
            client.get_config_with(watcher)
        })?
    } else {
        session.perform(Repeat::Read, zoa_client::Client::get_config)?
    };
    call.assign(&stat, || values::of_stat(&config.stat));
    Ok(values::of_data(config.data.as_deref()))
}

pub(super) fn add(call: &Call) -> Result<Value, Thrown> {
    change(call, |members, config_id| Reconfig {
        joining: Some(members),
        leaving: None,
        new_members: None,
        config_id,
    })
}

pub(super) fn remove(call: &Call) -> Result<Value, Thrown> {
    change(call, |members, config_id| Reconfig {
        joining: None,
        leaving: Some(members),
        new_members: None,
        config_id,
    })
}

pub(super) fn set(call: &Call) -> Result<Value, Thrown> {
    change(call, |members, config_id| Reconfig {
        joining: None,
        leaving: None,
        new_members: Some(members),
        config_id,
    })
}

fn change(
    call: &Call,
    reconfig: impl for<'m> Fn(&'m str, i64) -> Reconfig<'m>,
) -> Result<Value, Thrown> {
    let mut members = TextArg::new();
    let (mut version, mut stat) = (LongArg(-1), OutArg::number(3));
    call.parse(&mut [&mut members], &mut [&mut version, &mut stat])?;
    let members = text_of(&members)?;
    let session = session_of(call)?;
    let config = session.perform(Repeat::Write, |client| {
        client.reconfig(reconfig(members, version.0))
    })?;
    call.assign(&stat, || values::of_stat(&config.stat));
    Ok(values::of_data(config.data.as_deref()))
}
