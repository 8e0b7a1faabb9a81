//! A table whose slots are used again: an index stays valid until it is released, whatever else comes and goes.
//!
//! **Source**: the `slab` crate.

/// Values by index.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// The slots; `None` where one is free, or its value was taken.
    slots: Vec<Option<T>>,
    /// Indices of free slots, the one released last at the end.
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// Returns an index that nothing else uses, for a value to come.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1)
                .expect("holds because memory ends before 2³² values")
        })
    }

    /// Puts a value at an index that is reserved.
    pub(crate) fn put(&mut self, index: u32, value: T) {
        self.slots[index as usize] = Some(value);
    }

    /// Takes a value out; its index stays reserved.
    pub(crate) fn take(&mut self, index: u32) -> Option<T> {
        self.slots[index as usize].take()
    }

    /// Lets an index be used again.
    pub(crate) fn release(&mut self, index: u32) {
        self.free.push(index);
    }

    /// Takes a value out, if there is one, and releases its index.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.slots.get_mut(index as usize)?.take();
        value.inspect(|_| self.release(index))
    }

    /// Returns the value at an index, if there is one.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// Counts the indices in use.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Goes through all values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}
