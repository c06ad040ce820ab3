//! Roles: cluster privileges, and index privileges by patterns of names. In the shape that `_security/role` has.

use sekisho_engine::mapping::simple_match;
use serde::{Deserialize, Serialize};

use super::audit::AUDIT_STREAM;
use super::privilege::{ClusterPrivileges, IndexPrivileges, UnknownPrivilege};

/// A named set of privileges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Names of cluster privileges.
    #[serde(default)]
    pub cluster: Vec<String>,
    /// Grants on indices.
    #[serde(default, alias = "index")]
    pub indices: Vec<IndexGrant>,
}

/// Privileges on the indices of some patterns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexGrant {
    /// Names and patterns with `*`, of indices or data streams. An alias is not one: what it names is asked for.
    pub names: Vec<String>,
    /// Names of index privileges.
    pub privileges: Vec<String>,
    /// Whether `*` reaches the audit stream too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_restricted_indices: bool,
}

impl Role {
    /// Refuses names of privileges that there are not.
    ///
    /// # Errors
    /// [`UnknownPrivilege`].
    pub fn check(&self) -> Result<(), UnknownPrivilege> {
        self.cluster.iter().try_for_each(|it| ClusterPrivileges::named(it).map(drop))?;
        self.indices.iter().flat_map(|it| &it.privileges).try_for_each(|it| IndexPrivileges::named(it).map(drop))
    }

    /// What it grants on the server.
    pub fn cluster(&self) -> ClusterPrivileges {
        self.cluster.iter().filter_map(|it| ClusterPrivileges::named(it).ok()).fold(ClusterPrivileges::NONE, ClusterPrivileges::and)
    }

    /// What it grants on an index or data stream of that name.
    pub fn index(&self, name: &str) -> IndexPrivileges {
        let is_restricted = is_restricted(name);
        let reaches = |grant: &&IndexGrant| {
            (!is_restricted || grant.allow_restricted_indices) && grant.names.iter().any(|pattern| pattern == name || simple_match(pattern, name))
        };
        self.indices.iter().filter(reaches).fold(IndexPrivileges::NONE, |all, it| all.and(it.privileges()))
    }

    /// What it grants on some index or other.
    pub fn any_index(&self) -> IndexPrivileges {
        self.indices.iter().fold(IndexPrivileges::NONE, |all, it| all.and(it.privileges()))
    }
}

impl IndexGrant {
    fn privileges(&self) -> IndexPrivileges {
        self.privileges.iter().filter_map(|it| IndexPrivileges::named(it).ok()).fold(IndexPrivileges::NONE, IndexPrivileges::and)
    }
}

/// Whether a name is of the audit stream, of its backing indices, or one that could be mistaken for them.
fn is_restricted(name: &str) -> bool {
    name.strip_prefix(".ds-").unwrap_or(name).starts_with(AUDIT_STREAM)
}

/// The names of the roles that are always there and can't be changed.
pub const BUILTIN_ROLES: &[&str] = &["superuser", "admin", "writer", "reader", "monitor"];

/// A role that is always there.
pub fn builtin(name: &str) -> Option<Role> {
    let role = |cluster: &[&str], privileges: &[&str]| Role {
        cluster: cluster.iter().map(|it| (*it).to_owned()).collect(),
        indices: [IndexGrant {
            names: vec!["*".to_owned()],
            privileges: privileges.iter().map(|it| (*it).to_owned()).collect(),
            allow_restricted_indices: cluster.contains(&"all"),
        }]
        .into_iter()
        .filter(|it| !it.privileges.is_empty())
        .collect(),
    };
    Some(match name {
        "superuser" | "admin" => role(&["all"], &["all"]),
        "writer" => role(&["monitor", "ingest", "manage_own_api_key"], &["create_doc", "write", "create_index", "view_index_metadata"]),
        "reader" => role(&["monitor", "manage_own_api_key"], &["read", "view_index_metadata"]),
        "monitor" => role(&["monitor"], &["view_index_metadata"]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_does_not_reach_the_audit_stream() {
        let reader = builtin("reader").unwrap();
        assert!(reader.index("panos-traffic").has(IndexPrivileges::READ));
        assert!(!reader.index("panos-traffic").has(IndexPrivileges::CREATE_DOC));
        for name in [AUDIT_STREAM, ".ds-logs-sekisho.audit-default-2026.11.23-000001"] {
            assert!(reader.index(name).is_empty(), "{name}");
            assert!(builtin("admin").unwrap().index(name).has(IndexPrivileges::ALL), "{name}");
        }
    }

    #[test]
    fn every_builtin_role_uses_known_privileges() {
        for name in BUILTIN_ROLES {
            assert_eq!(builtin(name).unwrap().check(), Ok(()), "{name}");
        }
    }
}
