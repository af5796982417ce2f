//! The Merkle tree of RFC 6962 §2.1: hashes, the frontier that grows, and the proofs that an entry is in it and that an
//! older tree is the beginning of a newer one. Pure arithmetic; where hashes are kept is the store's.
//!
//! Proofs are asked for in two steps, because hashes are read from a database: which parts of the tree are needed
//! ([`inclusion`], [`consistency`]), and what their hashes are (each part is made of complete subtrees).

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf: `SHA-256(0x00 ‖ bytes)`.
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the empty tree: `SHA-256()`.
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// What is needed to go on growing a tree: its complete subtrees, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves; `None` if these are not as many peaks as it has.
    pub fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == peaks.len() as u64).then_some(Self { size, peaks })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The complete subtrees, the largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the whole.
    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty)
    }
}

/// The root over complete subtrees that get smaller from left to right; `None` over nothing.
pub fn fold(subtrees: &[Hash]) -> Option<Hash> {
    let (last, rest) = subtrees.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| node(left, &right)))
}

/// The root over leaf hashes, or over the hashes of equally large complete subtrees.
pub fn root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier.root()
}

/// A complete subtree: `2^level` leaves, the `index`-th of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subtree {
    /// 0 is a leaf.
    pub level: u32,
    /// From 0, from the left.
    pub index: u64,
}

/// A part of a tree, by its leaves; the root over it is one hash of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first leaf.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
}

impl Part {
    /// The complete subtrees that it is made of, the largest first; [`fold`] makes its root of theirs. A part starts
    /// where the largest of them may start, as all parts of proofs do.
    pub fn subtrees(self) -> Vec<Subtree> {
        let (mut subtrees, mut at) = (Vec::new(), self.start);
        while at < self.end {
            let level = (self.end - at).ilog2();
            subtrees.push(Subtree { level, index: at >> level });
            at += 1 << level;
        }
        subtrees
    }
}

/// The largest power of two below `size`, where the two halves of a tree meet.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The parts whose roots prove that leaf `index` is in the tree of `size` (RFC 6962 §2.1.1), lowest first. Empty also
/// where there is no such leaf.
pub fn inclusion(index: u64, size: u64) -> Vec<Part> {
    let (mut path, mut start, mut end) = (Vec::new(), 0, size);
    while index < size && end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(Part { start: middle, end });
            end = middle;
        } else {
            path.push(Part { start, end: middle });
            start = middle;
        }
    }
    path.reverse();
    path
}

/// The parts whose roots prove that the tree of `old` leaves is the beginning of that of `new` (RFC 6962 §2.1.2).
/// Empty for equal sizes and for an empty old tree, where nothing is to prove.
pub fn consistency(old: u64, new: u64) -> Vec<Part> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let (mut path, mut start, mut end, mut whole) = (Vec::new(), 0, new, true);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(Part { start: middle, end });
            end = middle;
        } else {
            path.push(Part { start, end: middle });
            (start, whole) = (middle, false);
        }
    }
    if !whole {
        path.push(Part { start, end });
    }
    path.reverse();
    path
}

/// Whether a path proves that `leaf` stands at `index` of the tree of `size` with that root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for part in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(part, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, part);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether a path proves that the tree of `old.0` leaves with the root `old.1` is the beginning of `new`
/// (RFC 9162 §2.1.4.2).
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    if old.0 == 0 || old.0 == new.0 {
        let same = if old.0 == 0 { *old.1 == empty() } else { old.1 == new.1 };
        return same && path.is_empty() && old.0 <= new.0;
    }
    if old.0 > new.0 || path.is_empty() {
        return false;
    }
    let (mut at, mut last) = (old.0 - 1, new.0 - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // A complete old tree is its own first part.
    let (first, path) = if old.0.is_power_of_two() { (*old.1, path) } else { (path[0], &path[1..]) };
    let (mut of_old, mut of_new) = (first, first);
    for part in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            of_old = node(part, &of_old);
            of_new = node(part, &of_new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            of_new = node(&of_new, part);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && of_old == *old.1 && of_new == *new.1
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
