use proptest::prelude::*;

use super::*;

/// The definition, word by word (RFC 6962 §2.1).
fn oracle(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(halves(leaves.len()));
            node(&oracle(left), &oracle(right))
        }
    }
}

fn halves(size: usize) -> usize {
    let mut half = 1;
    while half * 2 < size {
        half *= 2;
    }
    half
}

/// `PATH(m, D[n])` of RFC 6962 §2.1.1.
fn oracle_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(halves(leaves.len()));
    let (mut path, other) = if index < left.len() {
        (oracle_path(index, left), oracle(right))
    } else {
        (oracle_path(index - left.len(), right), oracle(left))
    };
    path.push(other);
    path
}

/// `SUBPROOF(m, D[n], b)` of RFC 6962 §2.1.2.
fn oracle_proof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![oracle(leaves)] };
    }
    let (left, right) = leaves.split_at(halves(leaves.len()));
    let (mut path, other) = if old <= left.len() {
        (oracle_proof(old, left, known), oracle(right))
    } else {
        (oracle_proof(old - left.len(), right, false), oracle(left))
    };
    path.push(other);
    path
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
}

/// The hashes of parts, from nothing but complete subtrees.
fn hashes(parts: &[Part], leaves: &[Hash]) -> Vec<Hash> {
    let subtree = |tree: &Subtree| {
        let (start, length) = (usize::try_from(tree.index << tree.level).unwrap(), 1_usize << tree.level);
        oracle(&leaves[start..start + length])
    };
    let hash = |part: &Part| fold(&part.subtrees().iter().map(subtree).collect::<Vec<_>>()).unwrap();
    parts.iter().map(hash).collect()
}

#[test]
fn the_examples_of_certificate_transparency() {
    // The roots of the trees over "", 00, 10, 2021, 3031, 40414243, … that the reference implementation is tested with.
    let inputs: [&[u8]; 5] = [b"", &[0], &[0x10], &[0x20, 0x21], &[0x30, 0x31]];
    let hex = |hash: Hash| crate::audit::seal::hex(&hash);
    let all: Vec<Hash> = inputs.iter().map(|input| leaf(input)).collect();
    assert_eq!(hex(empty()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hex(root(&all[..1])), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(hex(root(&all[..2])), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(hex(root(&all[..3])), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert_eq!(hex(root(&all[..4])), "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
    assert_eq!(hex(root(&all[..5])), "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4");
}

#[test]
fn every_small_tree_and_each_of_its_proofs_is_as_defined() {
    let all = leaves(70);
    for new in 0..=all.len() {
        let (tree, whole) = (&all[..new], root(&all[..new]));
        assert_eq!(whole, oracle(tree), "{new}");
        for index in 0..new {
            let path = hashes(&inclusion(index as u64, new as u64), tree);
            assert_eq!(path, oracle_path(index, tree), "{index} of {new}");
            assert!(verify_inclusion(&tree[index], index as u64, new as u64, &path, &whole));
        }
        for old in 0..=new {
            let path = hashes(&consistency(old as u64, new as u64), tree);
            if old > 0 {
                assert_eq!(path, oracle_proof(old, tree, true), "{old} of {new}");
            }
            let before = root(&tree[..old]);
            assert!(verify_consistency((old as u64, &before), (new as u64, &whole), &path), "{old} of {new}");
        }
    }
}

proptest! {
    #[test]
    fn a_frontier_can_be_put_away_and_goes_on(sizes in prop::collection::vec(0_usize..40, 1..8)) {
        let all = leaves(sizes.iter().sum());
        let (mut frontier, mut at) = (Frontier::default(), 0);
        for size in sizes {
            for leaf in &all[at..at + size] {
                frontier.push(*leaf);
            }
            at += size;
            frontier = Frontier::new(frontier.size(), frontier.peaks().to_vec()).unwrap();
            prop_assert_eq!(frontier.root(), oracle(&all[..at]));
        }
        prop_assert!(Frontier::new(frontier.size() + 1, vec![empty(); 70]).is_none());
    }

    #[test]
    fn nothing_else_is_proven(size in 2_usize..300, at in 0_usize..300, other in 0_usize..300, bit in 0_usize..256) {
        let (all, at) = (leaves(size), at % size);
        let (whole, size) = (root(&all), size as u64);
        let path = hashes(&inclusion(at as u64, size), &all);
        let flip = |hash: &Hash| { let mut hash = *hash; hash[bit / 8] ^= 1 << (bit % 8); hash };
        prop_assert!(!verify_inclusion(&flip(&all[at]), at as u64, size, &path, &whole));
        prop_assert!(!verify_inclusion(&all[at], at as u64, size, &path, &flip(&whole)));
        prop_assert!(!verify_inclusion(&all[at], size + other as u64, size, &path, &whole));
        prop_assert_eq!(verify_inclusion(&all[at], other as u64, size, &path, &whole), other == at);
        prop_assert!(!verify_inclusion(&all[at], at as u64, size, &path[1..], &whole));
        let old = at as u64 + 1;
        let before = root(&all[..=at]);
        let path = hashes(&consistency(old, size), &all);
        prop_assert!(!verify_consistency((old, &flip(&before)), (size, &whole), &path));
        prop_assert!(!verify_consistency((old, &before), (size, &flip(&whole)), &path));
        for changed in 0..path.len() {
            let mut path = path.clone();
            path[changed] = flip(&path[changed]);
            prop_assert!(!verify_consistency((old, &before), (size, &whole), &path));
        }
        prop_assert!(!verify_consistency((size, &whole), (old, &before), &path) || old == size);
    }
}
