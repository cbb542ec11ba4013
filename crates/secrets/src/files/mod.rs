//! Files of this host that hold secrets.

mod alone;
mod credentials;
mod guarded;
mod store;
mod tokens;

pub use self::alone::{AloneError, alone};
pub use self::guarded::{Audience, FileError, is_guarded};
pub use self::tokens::{TokenFile, token_files};

pub(crate) use self::credentials::Credentials;
pub(crate) use self::guarded::read;
pub(crate) use self::store::Store;
pub(crate) use self::tokens::Tokens;
