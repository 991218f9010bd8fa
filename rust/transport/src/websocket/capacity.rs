//! How many connections a server holds: a hard maximum, and one for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::connection::{Connection, Inner};

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The server is full.
    Full,
    /// The address has its share.
    Address,
}

#[derive(Default)]
struct Table {
    next: u64,
    addresses: HashMap<IpAddr, usize>,
    open: HashMap<u64, Arc<Inner>>,
}

/// Counts, and knows, a server's connections.
pub(super) struct Capacity {
    max: usize,
    max_per_address: Option<usize>,
    table: Mutex<Table>,
    count: watch::Sender<usize>,
}

impl Capacity {
    pub(super) fn new(max: usize, max_per_address: Option<usize>) -> Arc<Self> {
        Arc::new(Self { max, max_per_address, table: Mutex::default(), count: watch::Sender::new(0) })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot, before anything is spent on the connection.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Slot, Refused> {
        let mut table = self.table();
        // Counted under the lock: two at once cannot share the last slot.
        if *self.count.borrow() >= self.max {
            return Err(Refused::Full);
        }
        let count = table.addresses.get(&address).copied().unwrap_or_default();
        if self.max_per_address.is_some_and(|max| count >= max) {
            return Err(Refused::Address);
        }
        table.addresses.insert(address, count + 1);
        table.next += 1;
        let id = table.next;
        self.count.send_modify(|count| *count += 1);
        Ok(Slot { capacity: Arc::clone(self), address, id })
    }

    /// The slots that are taken.
    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// The connections that are open.
    pub(super) fn connections(&self) -> Vec<Connection> {
        self.table().open.values().map(|inner| Connection::from(Arc::clone(inner))).collect()
    }

    /// Ready when no slot is taken.
    pub(super) async fn empty(&self) {
        // It cannot fail: the sender is `self`.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// The place of one connection, free again when it is dropped.
pub(super) struct Slot {
    capacity: Arc<Capacity>,
    address: IpAddr,
    id: u64,
}

impl Slot {
    /// The connection has begun.
    pub(super) fn fill(&self, inner: Arc<Inner>) {
        self.capacity.table().open.insert(self.id, inner);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.capacity.table();
        let inner = table.open.remove(&self.id);
        if let Some(count) = table.addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                table.addresses.remove(&self.address);
            }
        }
        self.capacity.count.send_modify(|count| *count -= 1);
        drop(table);
        drop(inner);
    }
}
