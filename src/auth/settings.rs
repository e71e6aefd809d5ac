//! What the file of settings says of issuers, as it stands there.

use std::path::PathBuf;

use serde::Deserialize;

/// Whether the service's own issuer counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalIssuerSection {
    /// Whether tokens of `tiltaksplass token` are taken.
    pub enabled: bool,
}

impl Default for LocalIssuerSection {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// An issuer whose tokens count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSection {
    /// What the log calls it.
    pub name: String,
    /// How it words its tokens.
    pub kind: IssuerKind,
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The `aud` that its tokens for this service have.
    pub audience: String,
    /// The algorithms that count, and no others.
    pub algorithms: Option<Vec<String>>,
    /// Where it publishes its keys.
    pub jwks_url: Option<String>,
    /// A file with its keys instead.
    pub jwks_file: Option<PathBuf>,
    /// Which claim names a person, of Entra ID: `NAVident` or `oid`.
    pub person: Option<String>,
    /// Who gets which role.
    #[serde(default)]
    pub grant: Vec<GrantSection>,
}

/// The kinds of issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// Entra ID.
    Entra,
    /// `TokenX`.
    TokenX,
    /// Maskinporten.
    Maskinporten,
    /// Any other.
    Jwt,
}

/// Who fits gets a role for an organisation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrantSection {
    /// A group of a person.
    pub group: Option<String>,
    /// A role of an application of Entra ID.
    pub app_role: Option<String>,
    /// A scope.
    pub scope: Option<String>,
    /// The name of another claim, whose text `value` fits.
    pub claim: Option<String>,
    /// What that claim is.
    pub value: Option<String>,
    /// The client that asked for the token.
    pub client: Option<String>,
    /// The organisation that a client of Maskinporten acts for.
    pub consumer: Option<String>,
    /// The role.
    pub role: String,
    /// For whom.
    pub organisation: String,
    /// `state` or `municipal`, of an office's worker.
    pub employer: Option<String>,
    /// Which municipality, if `municipal`.
    pub municipality: Option<String>,
    /// Whether they lead their office.
    pub leads_office: bool,
    /// Of which protected people they may see who they are.
    pub clearances: Vec<String>,
}
