//! What the methods do, one file a group.
//!
//! Each reads its parameters, asks the session, and gives a value back; whatever goes wrong is thrown where it goes wrong.

mod config;
mod connection;
mod identity;
mod nodes;

use crate::engine::Thrown;
use crate::engine::handlers;
use crate::errors;

/// A path, or any text that goes to the server.
fn text_of(arg: &crate::engine::TextArg) -> Result<&str, Thrown> {
    arg.text()
        .ok_or_else(|| errors::throw_code(errors::BAD_ARGUMENTS))
}

// What the tables name: functions the engine can call.
handlers! {
    construct => connection::construct;
    connect => connection::connect;
    close => connection::close;
    get_client_id => connection::get_client_id;
    get_state => connection::get_state;
    get_recv_timeout => connection::get_recv_timeout;
    is_recoverable => connection::is_recoverable;
    set_debug_level => connection::set_debug_level;
    set_deterministic_conn_order => connection::set_deterministic_conn_order;
    set_watcher => connection::set_watcher;
    set_log_stream => connection::set_log_stream;
    dispatch => connection::dispatch;
    create => nodes::create;
    delete => nodes::delete;
    get => nodes::get;
    get_children => nodes::get_children;
    exists => nodes::exists;
    set => nodes::set;
    get_acl => identity::get_acl;
    set_acl => identity::set_acl;
    add_auth => identity::add_auth;
    get_config => config::get_config;
    config_get => config::get;
    config_add => config::add;
    config_remove => config::remove;
    config_set => config::set;
}
