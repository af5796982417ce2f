//! Everything that can be changed behind Muster's back is found: a thousand random alterations of entries that a
//! checkpoint covers, and most of them before there is a checkpoint.

use model::{
    EntryId,
    audit::seal::{Seal, Stored},
    merkle::{self, Frontier, Hash},
};
use store::{
    Engine,
    audit_tree::{self, Tile, WIDTH},
    values,
};

use super::*;

/// The tables that an alteration touches, to be put back afterwards.
pub(super) const KEEP: &[&str] = &[
    "CREATE TABLE kept_entries AS SELECT * FROM audit_entries",
    "CREATE TABLE kept_pending AS SELECT * FROM audit_pending",
    "CREATE TABLE kept_tiles AS SELECT * FROM audit_tiles",
    "CREATE TABLE kept_trees AS SELECT * FROM audit_trees",
];
pub(super) const PUT_BACK: &[&str] = &[
    "DELETE FROM audit_entries",
    "INSERT INTO audit_entries SELECT * FROM kept_entries",
    "DELETE FROM audit_pending",
    "INSERT INTO audit_pending SELECT * FROM kept_pending",
    "DELETE FROM audit_tiles",
    "INSERT INTO audit_tiles SELECT * FROM kept_tiles",
    "DELETE FROM audit_trees",
    "INSERT INTO audit_trees SELECT * FROM kept_trees",
];

/// Changes of one column of one entry, `$2`. Where the column holds that already, another entry is taken.
pub(super) const EDITS: &[&str] = &[
    "UPDATE audit_entries SET at = at + 1 WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET at = at - 86400000000 WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET event = 'user.viewed' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET actor = 'system' WHERE org_id = $1 AND id = $2 AND actor <> 'system'",
    "UPDATE audit_entries SET actor = '00000000-0000-0000-0000-00000000000a' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET actor = 'nobody' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET actor_name = actor_name || 'x' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET actor_name = '' WHERE org_id = $1 AND id = $2 AND actor_name <> ''",
    "UPDATE audit_entries SET target_type = 'org2' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET target = org_id WHERE org_id = $1 AND id = $2 AND target <> org_id",
    "UPDATE audit_entries SET target_name = target_name || ' ' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET changes = '{}' WHERE org_id = $1 AND id = $2 AND fields <> '' AND about_erased_at IS NULL",
    "UPDATE audit_entries SET changes = '{\"title\":{\"before\":1,\"after\":2}}' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET reason = 'because' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET request_id = 'x' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET address = '203.0.113.9' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET door = 'worker' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET door = 'window' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET fields = fields || ',name' WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET late = TRUE WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET by_salt = about_salt WHERE org_id = $1 AND id = $2 AND by_salt <> about_salt",
    "UPDATE audit_entries SET by_salt = NULL WHERE org_id = $1 AND id = $2 AND by_salt IS NOT NULL",
    "UPDATE audit_entries SET about_salt = by_salt WHERE org_id = $1 AND id = $2 AND by_salt <> about_salt",
    "UPDATE audit_entries SET about_salt = mac WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET by_commitment = about_commitment WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET about_commitment = by_commitment WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET about_commitment = NULL WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET by_erased_at = 5 WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET about_erased_at = at WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET mac = by_commitment WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET mac = NULL WHERE org_id = $1 AND id = $2",
    // Erased as if somebody had been purged, or as if time had passed; nobody was, and none has.
    "UPDATE audit_entries SET actor_name = '', address = '', by_salt = NULL, by_erased_at = at WHERE org_id = $1 AND id = $2",
    "UPDATE audit_entries SET target_name = '', changes = '{}', reason = '', about_salt = NULL, about_erased_at = at \
     WHERE org_id = $1 AND id = $2",
    "DELETE FROM audit_entries WHERE org_id = $1 AND id = $2",
];

/// Random enough, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

/// What somebody can see and write who has the database, but not the key.
struct Burglar {
    leaves: Vec<(EntryId, Hash)>,
}

impl Burglar {
    async fn look(app: &TestApp) -> Self {
        let context = app.context();
        let read =
            async |connection: &mut Connection<'_>| audit_tree::tiles(connection, context, 0, 0, 1000).await;
        let tiles = app.app.database().read(read).await.unwrap();
        let leaves = tiles.into_iter().flat_map(|(_, tile)| tile.ids.into_iter().zip(tile.hashes)).collect();
        Self { leaves }
    }

    /// Writes the tree that these leaves make, root and all; what he has no key for he leaves as it was.
    async fn write_tree(self, app: &TestApp) {
        let context = app.context();
        tamper(app, async move |connection| {
            let Some(mut tree) = audit_tree::find(connection, context).await? else { return Ok(()) };
            connection.execute("DELETE FROM audit_tiles", &[] as &[Bound<'_>]).await?;
            let (mut frontier, mut roots) = (Frontier::default(), Vec::new());
            for (number, leaves) in (0..).zip(self.leaves.chunks(256)) {
                let (ids, hashes): (Vec<EntryId>, Vec<Hash>) = leaves.iter().copied().unzip();
                for hash in &hashes {
                    frontier.push(*hash);
                }
                if hashes.len() as u64 == WIDTH {
                    roots.push(merkle::root(&hashes));
                }
                audit_tree::put(connection, context, (0, number), &Tile { ids, hashes }).await?;
            }
            if !roots.is_empty() {
                audit_tree::put(connection, context, (1, 0), &Tile { ids: Vec::new(), hashes: roots })
                    .await?;
            }
            tree.frontier = frontier;
            audit_tree::grown(connection, context, &tree).await
        })
        .await;
    }
}

/// What is altered, other than one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Edit(usize),
    /// Two entries exchange what they say.
    Swap,
    /// One is written anew with everything that follows from it, but for what needs the key.
    Rewrite,
    /// One is added: a copy, under a new id, with or without a place.
    Copy {
        waits: bool,
    },
    /// One is added that the server is to seal.
    Unsealed,
    /// Two change places, and the tree with them.
    Move,
    /// The last entries go, and the tree is made as if they had never been.
    CutOff,
    /// One goes, and the tree is made as if it had never been.
    CutOut,
    /// One hash of a tile.
    Tile,
    /// The tile above, or a whole tile.
    DropTile,
    UpperTile,
    /// The tree's state.
    Size,
    Peaks,
    /// Everything is made to look as if Muster had just been upgraded, so that the server would seal a false history.
    StartOver,
}

const DEEDS: [Deed; 14] = [
    Deed::Swap,
    Deed::Rewrite,
    Deed::Copy { waits: false },
    Deed::Copy { waits: true },
    Deed::Unsealed,
    Deed::Move,
    Deed::CutOff,
    Deed::CutOut,
    Deed::Tile,
    Deed::DropTile,
    Deed::UpperTile,
    Deed::Size,
    Deed::Peaks,
    Deed::StartOver,
];

#[expect(clippy::too_many_lines, reason = "one arm for each way to alter a log")]
async fn alter(app: &TestApp, deed: Deed, dice: &mut Dice) -> bool {
    let context = app.context();
    let mut burglar = Burglar::look(app).await;
    let count = burglar.leaves.len();
    let (one, other) = (dice.below(count), dice.below(count));
    let (place, (id, _)) = (one, burglar.leaves[one]);
    let (second, _) = burglar.leaves[other];
    let stored = async |id: EntryId| {
        let read = async |connection: &mut Connection<'_>| store::audit::find(connection, context, id).await;
        app.app.database().read(read).await.unwrap().unwrap()
    };
    let changed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count_of = changed.clone();
    let execute = async |sql: &'static str| {
        let count_of = count_of.clone();
        tamper(app, async move |connection| {
            let rows = connection.execute(sql, values![context.org, id]).await?;
            count_of.store(rows, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        })
        .await;
    };
    match deed {
        Deed::Edit(number) => {
            execute(EDITS[number]).await;
            return changed.load(std::sync::atomic::Ordering::SeqCst) > 0;
        }
        Deed::Swap => {
            let (mine, his): (Stored, Stored) = (stored(id).await, stored(second).await);
            if mine.entry.event == his.entry.event && mine.entry.target == his.entry.target {
                return false;
            }
            tamper(app, async move |connection| {
                for (id, said) in [(id, &his.entry), (second, &mine.entry)] {
                    let sql = "UPDATE audit_entries SET event = $3, target = $4, target_name = $5 WHERE org_id = $1 AND id = $2";
                    let bound = values![context.org, id, &said.event, said.target, &said.target_name];
                    connection.execute(sql, bound).await?;
                }
                Ok(())
            })
            .await;
        }
        Deed::Rewrite => {
            let mut stored = stored(id).await;
            "user.praised".clone_into(&mut stored.entry.event);
            let seal = Seal::new(&stored.entry, [1; 32], [2; 32], false);
            burglar.leaves[place].1 = seal.leaf(context.org, &stored.entry);
            tamper(app, async move |connection| {
                connection
                    .execute(
                        "DELETE FROM audit_entries WHERE org_id = $1 AND id = $2",
                        values![context.org, id],
                    )
                    .await?;
                let leaf = seal.leaf(context.org, &stored.entry);
                let mac = stored.mac.unwrap_or_default();
                store::audit::append(connection, context, &stored.entry, &seal, &leaf, &mac).await?;
                connection.execute("DELETE FROM audit_pending", &[] as &[Bound<'_>]).await?;
                Ok(())
            })
            .await;
            burglar.write_tree(app).await;
        }
        Deed::Copy { waits } => {
            let mut stored = stored(id).await;
            stored.entry.id = EntryId(Uuid::from_u128(id.0.as_u128() + 1));
            let (seal, mac) = (stored.seal.clone().unwrap(), stored.mac.unwrap());
            let leaf = seal.leaf(context.org, &stored.entry);
            tamper(app, async move |connection| {
                store::audit::append(connection, context, &stored.entry, &seal, &leaf, &mac).await?;
                if !waits {
                    connection.execute("DELETE FROM audit_pending", &[] as &[Bound<'_>]).await?;
                }
                Ok(())
            })
            .await;
        }
        Deed::Unsealed => {
            execute("INSERT INTO audit_entries (org_id, id, at, event, actor, actor_name, target_type, target, target_name, \
                     changes, reason, request_id, address, door) SELECT org_id, target, at, event, actor, actor_name, \
                     target_type, target, target_name, changes, reason, request_id, address, door FROM audit_entries \
                     WHERE org_id = $1 AND id = $2").await;
            execute(
                "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, target FROM audit_entries \
                     WHERE org_id = $1 AND id = $2",
            )
            .await;
        }
        Deed::Move => {
            if one == other {
                return false;
            }
            burglar.leaves.swap(one, other);
            burglar.write_tree(app).await;
        }
        Deed::CutOff => {
            let gone = burglar.leaves.split_off(count - 1 - dice.below(40));
            tamper(app, async move |connection| {
                for (id, _) in &gone {
                    connection
                        .execute(
                            "DELETE FROM audit_entries WHERE org_id = $1 AND id = $2",
                            values![context.org, *id],
                        )
                        .await?;
                }
                Ok(())
            })
            .await;
            burglar.write_tree(app).await;
        }
        Deed::CutOut => {
            burglar.leaves.remove(place);
            execute("DELETE FROM audit_entries WHERE org_id = $1 AND id = $2").await;
            burglar.write_tree(app).await;
        }
        Deed::Tile => {
            tamper(app, async move |connection| {
                let mut tile = audit_tree::tile(connection, context, 0, place as u64 / WIDTH).await?;
                tile.hashes[place % 256][3] ^= 1;
                audit_tree::put(connection, context, (0, place as u64 / WIDTH), &tile).await
            })
            .await;
        }
        Deed::DropTile => run(app, &["DELETE FROM audit_tiles WHERE number = 1"]).await,
        Deed::UpperTile => run(app, &["UPDATE audit_tiles SET hashes = ids WHERE level = 1"]).await,
        Deed::Size => run(app, &["UPDATE audit_trees SET size = size - 1"]).await,
        Deed::Peaks => run(app, &["UPDATE audit_trees SET peaks = mac WHERE length(peaks) > 32"]).await,
        Deed::StartOver => {
            execute("DELETE FROM audit_entries WHERE org_id = $1 AND id = $2").await;
            run(app, &[
                "DELETE FROM audit_trees",
                "DELETE FROM audit_tiles",
                "DELETE FROM audit_pending",
                "UPDATE audit_entries SET by_commitment = NULL, about_commitment = NULL, mac = NULL, late = FALSE",
                "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries",
            ])
            .await;
        }
    }
    true
}

/// Alters, verifies, puts back: so often, every deed at least twice.
async fn all_are_found(app: &TestApp, times: usize, checkpoints: &[Checkpoint]) {
    run(app, KEEP).await;
    let mut dice = Dice(7);
    let (mut done, mut number, mut missed) = (0, 0, Vec::new());
    let all = EDITS.len() + DEEDS.len();
    while done < times {
        let deed = match number % all {
            edit if edit < EDITS.len() => Deed::Edit(edit),
            other => DEEDS[other - EDITS.len()],
        };
        number += 1;
        if !alter(app, deed, &mut dice).await {
            continue;
        }
        done += 1;
        if verify(app, checkpoints).await.is_clean() {
            missed.push(deed);
        }
        run(app, PUT_BACK).await;
    }
    assert!(missed.is_empty(), "{} of {done} were not found: {missed:?}", missed.len());
    let report = verify(app, checkpoints).await;
    assert!(report.is_clean(), "put back, and still {report:?}");
}

/// On PostgreSQL every kind of alteration is tried, but less often: putting the tables back takes longer there.
fn times(app: &TestApp) -> usize {
    match app.app.database().engine() {
        Engine::Sqlite => 1000,
        Engine::Postgres => 2 * (EDITS.len() + DEEDS.len()),
    }
}

on_both! {
    async fn a_thousand_alterations_of_what_a_checkpoint_covers_are_found(app: TestApp) {
        let scratch = Scratch::new();
        history(&app, 110).await;
        let checkpoints = checkpoint(&app, &keeping(&scratch)).await;
        assert!(checkpoints[0].size > 256);
        all_are_found(&app, times(&app), &checkpoints).await;
    }

    async fn alterations_are_found_before_there_is_a_checkpoint(app: TestApp) {
        history(&app, 110).await;
        all_are_found(&app, EDITS.len() + DEEDS.len(), &[]).await;
    }

    async fn what_waits_for_its_place_is_guarded_too(app: TestApp) {
        history(&app, 3).await;
        let id = person(&app, &app.org, "Zoe").await;
        let target = id.0;
        run(&app, KEEP).await;
        for sql in [
            "UPDATE audit_entries SET event = 'user.viewed' WHERE target = $1",
            "UPDATE audit_entries SET target_name = 'Eve' WHERE target = $1",
            "DELETE FROM audit_entries WHERE target = $1",
            "UPDATE audit_pending SET leaf = (SELECT mac FROM audit_entries WHERE target = $1)",
            "DELETE FROM audit_pending WHERE entry_id IN (SELECT id FROM audit_entries WHERE target = $1)",
        ] {
            tamper(&app, async move |connection| {
                assert!(connection.execute(sql, values![target]).await? > 0, "{sql}");
                Ok(())
            }).await;
            assert!(!verify(&app, &[]).await.is_clean(), "{sql}");
            run(&app, PUT_BACK).await;
        }
        assert!(verify(&app, &[]).await.is_clean());
    }
}
