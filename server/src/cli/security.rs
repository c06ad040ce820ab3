//! `sekisho user` and `sekisho api-key`: users and keys of a data directory, whether its server runs or not.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::say;
use crate::config::{Config, Flags};
use crate::security::{NewApiKey, Store, new_password, now_ms};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Users: add, give another password, list, remove.
#[derive(clap::Args)]
pub(super) struct User {
    #[command(subcommand)]
    action: UserAction,
}

#[derive(clap::Subcommand)]
enum UserAction {
    /// Make a user. Its password is read from standard input, or made and shown.
    Add {
        /// Its name.
        name: String,
        /// Its role; may be given several times.
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<String>,
        #[command(flatten)]
        password: Password,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Give a user another password, which ends its sessions.
    Passwd {
        /// Its name.
        name: String,
        #[command(flatten)]
        password: Password,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Show the users with their roles.
    List {
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Remove a user, and end its keys.
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

#[derive(clap::Args)]
struct Password {
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
}

impl Password {
    /// The password, and whether it was made.
    fn get(&self) -> anyhow::Result<(String, bool)> {
        if !self.password_stdin {
            return Ok((new_password(), true));
        }
        let mut text = String::new();
        std::io::stdin().take(4_096).read_to_string(&mut text).context("standard input")?;
        Ok((text.trim_end_matches(['\r', '\n']).to_owned(), false))
    }
}

impl User {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.action {
            UserAction::Add { name, role, password, flags } => {
                let store = open(&flags)?;
                if store.entries().users.contains_key(&name) {
                    bail!("there is a user [{name}] already");
                }
                let (password, is_made) = password.get()?;
                store.put_user(&name, Some(&password), |it| it.roles = role)?;
                show_made(&password, is_made);
            }
            UserAction::Passwd { name, password, flags } => {
                let store = open(&flags)?;
                let (password, is_made) = password.get()?;
                if !store.set_password(&name, &password)? {
                    bail!("there is no user [{name}]");
                }
                show_made(&password, is_made);
            }
            UserAction::List { flags } => {
                for (name, it) in &open(&flags)?.entries().users {
                    say(&format!("{name}\t{}{}", it.roles.join(","), if it.enabled { "" } else { "\tdisabled" }));
                }
            }
            UserAction::Remove { name, flags } => {
                if !open(&flags)?.remove_user(&name)? {
                    bail!("there is no user [{name}]");
                }
            }
        }
        Ok(())
    }
}

fn show_made(password: &str, is_made: bool) {
    if is_made {
        say(&format!("password: {password}"));
    }
}

/// API keys: create, list, invalidate.
#[derive(clap::Args)]
pub(super) struct ApiKey {
    #[command(subcommand)]
    action: ApiKeyAction,
}

#[derive(clap::Subcommand)]
enum ApiKeyAction {
    /// Make a key and show it once, as `Authorization: ApiKey …` takes it.
    Create {
        /// Its name.
        name: String,
        /// Its role; may be given several times.
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<String>,
        /// Days after which it ends. [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u32>,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Show the keys that work.
    List {
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// End a key.
    Invalidate {
        /// Its id.
        id: String,
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

impl ApiKey {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.action {
            ApiKeyAction::Create { name, role, expires_days, flags } => {
                let store = open(&flags)?;
                let entries = store.entries();
                let mut limited_by = Vec::new();
                for it in &role {
                    limited_by.push(entries.role(it).with_context(|| format!("there is no role [{it}]"))?);
                }
                let now = now_ms();
                let expires_ms = expires_days.map(|it| now + i64::from(it) * DAY_MS);
                let new = NewApiKey { name, owner: "_cli".to_owned(), expires_ms, roles: std::collections::BTreeMap::new(), limited_by };
                let (id, secret) = store.create_api_key(new, now)?;
                say(&BASE64_STANDARD.encode(format!("{id}:{secret}")));
            }
            ApiKeyAction::List { flags } => {
                for (id, it) in open(&flags)?.entries().api_keys.iter().filter(|it| it.1.is_valid(now_ms())) {
                    say(&format!("{id}\t{}\t{}", it.name, it.owner));
                }
            }
            ApiKeyAction::Invalidate { id, flags } => {
                if open(&flags)?.invalidate_api_keys(|it, _| it == id)?.is_empty() {
                    bail!("no key that works has the id [{id}]");
                }
            }
        }
        Ok(())
    }
}

fn open(flags: &Flags) -> anyhow::Result<Store> {
    let config = Config::load(flags)?;
    Store::open(&config.data_dir).with_context(|| format!("data directory {}", config.data_dir.display()))
}
