//! A table whose slots are used again: a small index stays valid until it is given back.
//!
//! **Invariants**
//! - `SLAB-1` Inserting and removing cost the same whatever the size, and never move another value.
//!
//! **Source**: the `slab` crate.

/// Values by index.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// The slots; `None` where one is free.
    slots: Vec<Option<T>>,
    /// Indices of free slots, the one given back last at the end.
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// Puts a value in and returns its index.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.insert_with(|_| value)
    }

    /// Puts in a value that knows its index.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(u32) -> T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(make(index));
            return index;
        }
        let index = u32::try_from(self.slots.len());
        let index = index.expect("holds because memory ends before 2³² values");
        self.slots.push(Some(make(index)));
        index
    }

    /// Counts the values.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes a value out and frees its index.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.slots[index as usize].take();
        if value.is_some() {
            self.free.push(index);
        }
        value
    }

    /// Returns the value at an index, if there is one.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// Tells whether no value is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    /// Goes through all values.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}
