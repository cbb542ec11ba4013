//! What is brought along with guests: packs, each under the name of what it is, so that one that is there
//! is never sent again, and one that arrives can be seen to be whole.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use async_nats::jetstream::object_store::{GetErrorKind, InfoErrorKind, ObjectInfo, ObjectStore};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use phoenix_domain::PackName;
use tokio::io::AsyncReadExt as _;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::{LIBRARY, LIBRARY_STREAM};
use crate::setup::is_not_found;

/// How long one may take on its way.
const WAY: Duration = Duration::from_mins(1);

impl Bus {
    /// Puts packs where workers find them, each with its archive.
    pub async fn bring(&self, packs: &[(&PackName, &[u8])]) -> Result<(), BusError> {
        if packs.is_empty() {
            return Ok(());
        }
        self.allowed(Act::Bring, self.put_all(packs)).await
    }

    async fn put_all(&self, packs: &[(&PackName, &[u8])]) -> Result<(), BusError> {
        let library = self.library().await?;
        for (pack, archive) in packs {
            if !is_there(&library, &self.cell.pack(pack)).await? {
                self.put(&library, pack, archive).await?;
            }
        }
        Ok(())
    }

    /// Returns the archive of a pack; nothing where it is not there, or not whole.
    pub async fn brought(&self, pack: &PackName) -> Result<Option<Vec<u8>>, BusError> {
        self.allowed(Act::Fetch, self.fetch(pack)).await
    }

    async fn fetch(&self, pack: &PackName) -> Result<Option<Vec<u8>>, BusError> {
        let doing = "fetching a pack";
        let library = self.library().await?;
        let get = async {
            let mut object = match library.get(self.cell.pack(pack)).await {
                Ok(object) => object,
                Err(err) if err.kind() == GetErrorKind::NotFound => return Ok(None),
                Err(err) => return Err(err).failing(doing),
            };
            let mut archive = Vec::new();
            match object.read_to_end(&mut archive).await {
                Ok(_) if PackName::of(&archive) == *pack => return Ok(Some(archive)),
                Ok(_) => {}
                Err(err) if err.kind() == io::ErrorKind::InvalidData => {}
                Err(err) => return Err(err).failing(doing),
            }
            // Whoever brings it next is to send it again.
            library
                .delete(self.cell.pack(pack))
                .await
                .failing("taking a broken pack out of the library")?;
            Ok(None)
        };
        tokio::time::timeout(WAY, get).await.failing(doing)?
    }

    /// Takes packs out of the library that nobody means any more. One that was put there since may be
    /// meant by who is about to ask for it.
    pub async fn forget_packs(
        &self,
        meant: &BTreeSet<PackName>,
        since: DateTime<Utc>,
    ) -> Result<(), BusError> {
        self.allowed(Act::Fetch, self.remove_packs(meant, since)).await
    }

    async fn remove_packs(
        &self,
        meant: &BTreeSet<PackName>,
        since: DateTime<Utc>,
    ) -> Result<(), BusError> {
        let doing = "looking through the library";
        let library = self.library().await?;
        let packs: Vec<ObjectInfo> =
            library.list().await.failing(doing)?.try_collect().await.failing(doing)?;
        for info in packs {
            let pack =
                info.name.strip_prefix(&self.cell.packs()).and_then(|name| name.parse().ok());
            let is_meant = pack.is_none_or(|pack: PackName| meant.contains(&pack));
            if !is_meant && info.modified.is_some_and(|modified| modified < since) {
                library.delete(&info.name).await.failing("taking a pack out of the library")?;
            }
        }
        Ok(())
    }

    async fn put(
        &self,
        library: &ObjectStore,
        pack: &PackName,
        mut archive: &[u8],
    ) -> Result<(), BusError> {
        let doing = "putting a pack into the library";
        let name = self.cell.pack(pack);
        let put = library.put(name.as_str(), &mut archive);
        tokio::time::timeout(WAY, put).await.failing(doing)?.failing(doing).map(drop)
    }

    async fn library(&self) -> Result<ObjectStore, BusError> {
        // A worker of an older version has made none.
        if let Err(err) = self.jetstream.get_stream(LIBRARY_STREAM).await
            && is_not_found(&err)
        {
            return Err(self.not_there(LIBRARY_STREAM).await);
        }
        self.jetstream.get_object_store(LIBRARY).await.failing("looking for the library")
    }
}

async fn is_there(library: &ObjectStore, name: &str) -> Result<bool, BusError> {
    match library.info(name).await {
        Ok(info) => Ok(!info.deleted),
        Err(err) if err.kind() == InfoErrorKind::NotFound => Ok(false),
        Err(err) => Err(err).failing("looking into the library"),
    }
}
