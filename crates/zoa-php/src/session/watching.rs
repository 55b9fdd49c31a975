//! Requests of a session that set a watch: one registration for a callable and a path, however often it is asked for.

use std::rc::Rc;

use zoa_client::Pending;
use zoa_client::Watcher;

use super::Repeat;
use super::Session;
use crate::desk::Desk;
use crate::engine::CallbackArg;
use crate::engine::Thrown;
use crate::errors;
use crate::registration::Source;
use crate::registration::WatchKind;
use crate::registration::WatchOf;

impl Session {
    /// Sends a request that sets a watch for this callable.
    ///
    /// # Errors
    /// Thrown; then no watch is set by it.
    pub(crate) fn perform_watching<R>(
        &self,
        (kind, path): (WatchKind, &str),
        callback: &CallbackArg,
        send: impl Fn(&zoa_client::Client, Watcher) -> Pending<R>,
    ) -> Result<R, Thrown> {
        // Before all else, since in a child process this removes what the parent had registered.
        let _ = self.client()?;
        let desk = Desk::here();
        let found = desk.find_watching((self.number, path), |registration| {
            registration.watch().is_some_and(|watch| watch.kind == kind)
                && registration
                    .callable()
                    .is_some_and(|callable| callback.is(callable))
        });
        if let Some(registration) = found
            && let Some(watch) = registration.watch()
        {
            let watcher = watch.watcher;
            let result = self.perform(Repeat::Read, |client| send(client, watcher))?;
            registration.ask_again();
            return Ok(result);
        }
        let (number, watcher) = self.register_watch(kind, path, callback)?;
        let result = self.attempt(Repeat::Read, |client| send(client, watcher))?;
        result.map_err(|error| {
            drop(desk.remove(number));
            errors::throw_failed(&error)
        })
    }

    fn register_watch(
        &self,
        kind: WatchKind,
        path: &str,
        callback: &CallbackArg,
    ) -> Result<(u64, Watcher), Thrown> {
        let client = self.client()?;
        let client = client.get().ok_or_else(errors::throw_not_connected)?;
        let (watcher, events) = client.watcher();
        let callable = callback.keep().ok_or(Thrown)?;
        let path = path.to_owned();
        let watch = WatchOf {
            kind,
            path,
            watcher,
        };
        let watch = (Some(watch), None);
        let number = self.register(watch, Source::Watch(events), Some(Rc::new(callable)));
        Ok((number, watcher))
    }
}
