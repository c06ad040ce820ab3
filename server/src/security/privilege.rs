//! What may be done, to the server as a whole and to an index. Names are Elasticsearch's; a name that we do not know is refused, never guessed.

/// A name that is no privilege here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} privilege [{name}]; a privilege must be one of [{known}]")]
pub struct UnknownPrivilege {
    kind: &'static str,
    name: String,
    known: String,
}

macro_rules! privileges {
    ($(#[doc = $doc:literal])+ $type:ident $kind:literal { $($(#[doc = $bit_doc:literal])+ $bit:ident = $value:expr;)* }
     { $($name:literal => $grants:expr,)* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $type(u16);

        impl $type {
            $($(#[doc = $bit_doc])+ pub const $bit: Self = Self($value);)*

            /// Every name with what it grants.
            pub const NAMES: &[(&str, Self)] = &[$(($name, $grants)),*];

            /// Both together.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of `wanted` is granted.
            pub const fn has(self, wanted: Self) -> bool {
                self.0 & wanted.0 == wanted.0
            }

            /// Whether nothing is granted.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// What a name grants.
            ///
            /// # Errors
            /// [`UnknownPrivilege`].
            pub fn named(name: &str) -> Result<Self, UnknownPrivilege> {
                let found = Self::NAMES.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1);
                found.ok_or_else(|| UnknownPrivilege {
                    kind: $kind,
                    name: name.to_owned(),
                    known: Self::NAMES.iter().map(|it| it.0).collect::<Vec<_>>().join(","),
                })
            }
        }
    };
}

privileges! {
    /// Privileges on the server as a whole.
    ClusterPrivileges "cluster" {
        /// Nothing but being known.
        NONE = 0;
        /// Health, figures, nodes, sources, templates and policies as they are.
        MONITOR = 1;
        /// Index templates and component templates.
        MANAGE_TEMPLATES = 2;
        /// Settings, lifecycle policies, pipelines, parsing again.
        MANAGE = 1 | 2 | 4;
        /// One's own API keys.
        MANAGE_OWN_API_KEY = 8;
        /// All users, roles and API keys, and the audit stream.
        MANAGE_SECURITY = 8 | 16;
        /// Sending lines and events to the streams that the parser chooses.
        INGEST = 32;
        /// Everything.
        ALL = 63;
    } {
        "all" => Self::ALL,
        "ingest" => Self::INGEST,
        "manage" => Self::MANAGE,
        "manage_index_templates" => Self::MANAGE_TEMPLATES,
        "manage_own_api_key" => Self::MANAGE_OWN_API_KEY,
        "manage_security" => Self::MANAGE_SECURITY,
        "monitor" => Self::MONITOR,
        "none" => Self::NONE,
        // What Beats and Kibana ask for beside `monitor`, which is what we ask of them there.
        "read_ilm" => Self::NONE,
        "read_pipeline" => Self::NONE,
    }
}

privileges! {
    /// Privileges on an index or a data stream.
    IndexPrivileges "index" {
        /// Nothing.
        NONE = 0;
        /// Documents and what is computed from them.
        READ = 1;
        /// That it exists, its mapping, settings, aliases and figures.
        VIEW = 2;
        /// New documents; a missing index is created by the first.
        CREATE_DOC = 4;
        /// New documents, and those that exist changed and deleted.
        WRITE = 4 | 8;
        /// The index itself, created empty.
        CREATE_INDEX = 16;
        /// Created, deleted, closed, rolled over; mapping, settings, aliases.
        MANAGE = 2 | 16 | 32;
        /// Everything.
        ALL = 63;
    } {
        "all" => Self::ALL,
        "auto_configure" => Self::CREATE_INDEX,
        "create_doc" => Self::CREATE_DOC,
        "create_index" => Self::CREATE_INDEX,
        "manage" => Self::MANAGE,
        "monitor" => Self::VIEW,
        "none" => Self::NONE,
        "read" => Self::READ,
        "view_index_metadata" => Self::VIEW,
        "write" => Self::WRITE,
    }
}

/// What a route asks for. Every route declares one; there is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Nothing: probes, the files of the dashboard, which hold no data, and the way in.
    Open,
    /// Open where the setting `public_metrics` says so, else `monitor`.
    Metrics,
    /// The token of the event collector, or `ingest`.
    Collector,
    /// Any known user or key. Contexts of searches belong here: they are bound to who opened them.
    Known,
    /// On the server.
    Cluster(ClusterPrivileges),
    /// On every index that the request turns out to name; asked by [`super::Scope`].
    Index(IndexPrivileges),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manage_implies_looking_and_not_reading() {
        let manage = IndexPrivileges::named("manage").unwrap();
        assert!(manage.has(IndexPrivileges::VIEW) && manage.has(IndexPrivileges::CREATE_INDEX));
        assert!(!manage.has(IndexPrivileges::READ) && !manage.has(IndexPrivileges::CREATE_DOC));
        assert!(!IndexPrivileges::named("create_doc").unwrap().has(IndexPrivileges::WRITE));
    }

    #[test]
    fn unknown_names_are_refused_with_what_there_is() {
        let error = IndexPrivileges::named("reed").unwrap_err().to_string();
        assert!(error.starts_with("unknown index privilege [reed]; a privilege must be one of [all,auto_configure,"), "{error}");
    }
}
