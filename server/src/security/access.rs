//! What one requester may do: roles, and for an API key also the roles that it was limited to when it was made.

use super::privilege::{ClusterPrivileges, IndexPrivileges};
use super::role::{Role, builtin};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The process itself, or anybody where no credentials are asked for.
    Anyone,
    /// Somebody who showed no credentials.
    Nobody,
    /// A user.
    User {
        /// Its name.
        name: String,
        /// Names of its roles.
        roles: Vec<String>,
    },
    /// An API key.
    ApiKey {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// The user that made it.
        owner: String,
    },
}

/// A requester with privileges.
#[derive(Clone, Debug)]
pub struct Access {
    actor: Actor,
    roles: Vec<Role>,
    /// Nothing is granted that one of these does not grant too.
    limited_by: Option<Vec<Role>>,
}

impl Access {
    /// Somebody with roles.
    pub fn new(actor: Actor, roles: Vec<Role>, limited_by: Option<Vec<Role>>) -> Self {
        Self { actor, roles, limited_by }
    }

    /// Where no credentials are asked for.
    pub fn everything() -> Self {
        Self::new(Actor::Anyone, builtin("superuser").into_iter().collect(), None)
    }

    /// Somebody without credentials.
    pub fn nothing() -> Self {
        Self::new(Actor::Nobody, Vec::new(), None)
    }

    /// Who it is.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The roles that it has.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The roles that limit it.
    pub fn limits(&self) -> Option<&[Role]> {
        self.limited_by.as_deref()
    }

    /// The user behind it, for what belongs to users.
    pub fn user(&self) -> &str {
        match &self.actor {
            Actor::Anyone => "_anyone",
            Actor::Nobody => "_nobody",
            Actor::User { name, .. } => name,
            Actor::ApiKey { owner, .. } => owner,
        }
    }

    /// What contexts are bound to: two keys of one user do not see each other's.
    pub fn owner(&self) -> String {
        match &self.actor {
            Actor::ApiKey { id, .. } => format!("key:{id}"),
            Actor::Anyone | Actor::Nobody | Actor::User { .. } => format!("user:{}", self.user()),
        }
    }

    /// As refusals name it.
    pub fn described(&self) -> String {
        match &self.actor {
            Actor::Anyone | Actor::Nobody => "an unknown user".to_owned(),
            Actor::User { name, roles } => format!("user [{name}] with effective roles [{}]", roles.join(",")),
            Actor::ApiKey { id, name, owner } => format!("API key id [{id}] of name [{name}] of user [{owner}]"),
        }
    }

    /// Whether it may do that to the server.
    pub fn allows_cluster(&self, wanted: ClusterPrivileges) -> bool {
        self.by_all(|roles| roles.iter().map(Role::cluster).fold(ClusterPrivileges::NONE, ClusterPrivileges::and).has(wanted))
    }

    /// Whether it may do that to an index, by its own name or that of its stream.
    pub fn allows_index(&self, name: &str, stream: Option<&str>, wanted: IndexPrivileges) -> bool {
        self.by_all(|roles| Self::granted(roles, name, stream).has(wanted))
    }

    /// Whether there may be an index to which it may do that.
    pub fn allows_some_index(&self, wanted: IndexPrivileges) -> bool {
        self.by_all(|roles| roles.iter().map(Role::any_index).fold(IndexPrivileges::NONE, IndexPrivileges::and).has(wanted))
    }

    /// Whether nothing at all is withheld.
    pub fn is_unlimited(&self) -> bool {
        let all = |roles: &[Role]| {
            roles.iter().any(|role| {
                role.cluster().has(ClusterPrivileges::ALL)
                    && role.indices.iter().any(|it| it.allow_restricted_indices && it.names.iter().any(|name| name == "*"))
                    && role.index("*").has(IndexPrivileges::ALL)
            })
        };
        self.by_all(all)
    }

    fn granted(roles: &[Role], name: &str, stream: Option<&str>) -> IndexPrivileges {
        let of = |name: &str| roles.iter().map(|it| it.index(name)).fold(IndexPrivileges::NONE, IndexPrivileges::and);
        // The name of a stream speaks for its backing indices, as in Elasticsearch.
        of(name).and(stream.map(of).unwrap_or_default())
    }

    fn by_all(&self, check: impl Fn(&[Role]) -> bool) -> bool {
        check(&self.roles) && self.limited_by.as_deref().is_none_or(check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::role::IndexGrant;

    fn role(names: &str, privilege: &str) -> Role {
        let grant = IndexGrant { names: vec![names.to_owned()], privileges: vec![privilege.to_owned()], allow_restricted_indices: false };
        Role { cluster: Vec::new(), indices: vec![grant] }
    }

    #[test]
    fn a_key_can_not_do_more_than_its_maker_could() {
        let access = Access::new(Actor::Nobody, vec![role("*", "all")], Some(vec![role("a-*", "read")]));
        assert!(access.allows_index("a-1", None, IndexPrivileges::READ));
        assert!(!access.allows_index("a-1", None, IndexPrivileges::WRITE));
        assert!(!access.allows_index("b-1", None, IndexPrivileges::READ));
        assert!(!access.is_unlimited());
        assert!(!access.allows_some_index(IndexPrivileges::WRITE));
    }

    #[test]
    fn a_stream_speaks_for_its_backing_indices() {
        let access = Access::new(Actor::Nobody, vec![role("logs-a", "read")], None);
        assert!(access.allows_index(".ds-logs-a-000001", Some("logs-a"), IndexPrivileges::READ));
        assert!(!access.allows_index(".ds-logs-a-000001", None, IndexPrivileges::READ));
        assert!(Access::everything().is_unlimited() && !Access::nothing().allows_index("logs-a", None, IndexPrivileges::READ));
    }
}
