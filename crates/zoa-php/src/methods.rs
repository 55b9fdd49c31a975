//! What the methods do, one file a group.
//!
//! Each reads its parameters, asks the session, and gives a value back; whatever goes wrong is thrown where it goes wrong.

mod config;
mod connection;
mod identity;
mod multi;
mod nodes;
mod nodes2;
mod waiting;
mod watching;

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
    add_session_watcher => connection::add_session_watcher;
    get_surely_alive_for => connection::get_surely_alive_for;
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
    wait => waiting::wait;
    set_logger => waiting::set_logger;
    get_server => waiting::get_server;
    set_hosts => waiting::set_hosts;
    create2 => nodes2::create2;
    create_ttl => nodes2::create_ttl;
    create_container => nodes2::create_container;
    get_children2 => nodes2::get_children2;
    get_all_children_number => nodes2::get_all_children_number;
    get_ephemerals => nodes2::get_ephemerals;
    sync => nodes2::sync;
    who_am_i => nodes2::who_am_i;
    add_watch => watching::add_watch;
    remove_watch => watching::remove_watch;
    multi => multi::multi;
    multi_create => multi::create;
    multi_create2 => multi::create2;
    multi_delete => multi::delete;
    multi_set => multi::set;
    multi_check => multi::check;
    multi_count => multi::count;
    multi_failed_at => multi::failed_at;
}
