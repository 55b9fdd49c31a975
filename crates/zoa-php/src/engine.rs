//! The engine's side: everything that touches PHP's own structures, behind types that the rest can use without `unsafe`.
//!
//! It knows nothing of ZooKeeper. Invariant: pointers that PHP hands in are used only during the call that brought them, except
//! for what is kept by reference count ([`Callable`]).

mod call;
mod callable;
mod class;
mod exception;
mod executor;
mod ffi;
mod ini;
mod object;
mod output;
mod session;
mod signals;
mod stream;
mod value;

pub(crate) use call::ArrayArg;
pub(crate) use call::BoolArg;
pub(crate) use call::Call;
pub(crate) use call::CallbackArg;
pub(crate) use call::DoubleArg;
pub(crate) use call::LongArg;
pub(crate) use call::ObjectArg;
pub(crate) use call::OutArg;
pub(crate) use call::TextArg;
pub(crate) use call::ValueArg;
pub(crate) use call::handlers;
pub(crate) use callable::Callable;
pub(crate) use class::Class;
pub(crate) use class::Function;
pub(crate) use class::Param;
pub(crate) use class::Parent;
pub(crate) use class::function_table;
pub(crate) use class::optional;
pub(crate) use class::out;
pub(crate) use class::required;
pub(crate) use exception::Thrown;
pub(crate) use exception::throw;
pub(crate) use exception::throw_type_error;
pub(crate) use exception::warn;
pub(crate) use executor::Interrupt;
pub(crate) use executor::current_fiber;
pub(crate) use executor::guard_bailout;
pub(crate) use executor::has_exception;
pub(crate) use executor::install_interrupt_hook;
pub(crate) use executor::remove_interrupt_hook;
pub(crate) use executor::serves_requests;
pub(crate) use ffi::ModuleEntry;
pub(crate) use ini::ini_long;
pub(crate) use ini::ini_text;
pub(crate) use ini::register_ini;
pub(crate) use ini::secret;
pub(crate) use ini::unregister_ini;
pub(crate) use object::Handlers;
pub(crate) use object::Native;
pub(crate) use object::new_object;
pub(crate) use output::info_table;
pub(crate) use session::c_text;
pub(crate) use session::new_session_id;
pub(crate) use session::register_save_handler;
pub(crate) use signals::deaf_to_signals;
pub(crate) use stream::Stream;
pub(crate) use value::Value;
pub(crate) use value::array_of;
pub(crate) use value::map_of;

pub(crate) use ffi::module_entry;
