//! Who asks, and what they may do: users, roles, API keys, and the one handle through which a request reaches indices.
//!
//! A request's credentials become an [`Access`] ([`Guard`]), the route's declared [`Privilege`] is asked of it before the handler runs, and what the
//! handler gets is a [`Scope`]: the engine narrowed to that access. Handlers have no other way to an index, so none can forget to ask.

mod access;
mod attempts;
mod audit;
mod guard;
mod own_ca;
mod privilege;
mod role;
mod scope;
mod secret;
mod store;

pub(crate) use audit::{Happened, write_all};
pub(crate) use guard::{COOKIE_NAME, SESSION_TIME, asked, collector, first_admin, now_ms};

pub use access::{Access, Actor};
pub use audit::AUDIT_STREAM;
pub use guard::{Guard, Unauthenticated};
pub use own_ca::{OwnCa, OwnCaError};
pub use privilege::{ClusterPrivileges, IndexPrivileges, Privilege, UnknownPrivilege};
pub use role::{BUILTIN_ROLES, IndexGrant, Role, builtin};
pub use scope::Scope;
pub use secret::{new_password, new_secret};
pub use store::{ApiKey, NewApiKey, SecurityError, Store, User};
