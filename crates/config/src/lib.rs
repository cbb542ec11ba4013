//! The three JSON files -> a fleet, or diagnostics that point at the line.
//!
//! [`load()`] reads the files, checks them by every rule and returns what it found; a
//! [`CheckedFleet`] is in it only when nothing of it is an error.

mod allowed;
mod canonical;
mod channels;
mod code;
mod document;
mod finding;
mod folder;
mod guests;
mod host;
mod host_spec;
mod inventory;
mod left_out;
mod library;
mod load;
mod members;
mod packs;
mod place;
#[cfg(test)]
mod properties;
mod raw;
mod read;
mod report;
mod resolve;
mod roster;
mod rules;
mod scene;
mod schema;
mod secrets;
mod shape;
mod shelf;
mod show;
mod source;
mod sources;

pub use canonical::config_form;
pub use channels::{ChannelKind, ChannelsFile, LeastSeverity, RawChannel};
pub use code::{Code, Level};
pub use finding::Finding;
pub use folder::Folder;
pub use host_spec::{
    Administrator, Dataset, Export, HostFirewall, HostSpec, InnerBridge, LooseVolume, NvidiaDriver,
    OuterBridge, Pool, RaidLevel, Repository, Samba, SdnNetwork, Share, Storage,
};
pub use inventory::Inventory;
pub use library::{GuestKind, Health, Library, LibraryError, Manifest, Parameter, ParameterKind};
pub use load::{CheckedFleet, Input, Loaded, Texts, load, load_host, load_texts};
pub use packs::Packs;
pub use place::{File, Place};
pub use report::{as_json, as_sarif, as_text};
pub use schema::{Described, schema};
pub use secrets::veiled;
pub use shelf::{Shelf, Shelved, Shelving, feature_folders};
pub use show::{Shown, show};
pub use source::{Source, SourceError};
pub use sources::Sources;
