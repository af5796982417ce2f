//! Many things in one operation, each for itself: one row that is refused leaves nothing behind, and the others stay.

use model::Result;

use super::Operation;

/// Where one part of an operation begins; see `Operation::begin_part`.
pub(crate) struct Part {
    written: store::Part,
    entries: usize,
    jobs: usize,
    mails: usize,
    stale: usize,
    owner_touched: bool,
}

impl Operation<'_, '_> {
    /// Begins one of many parts, such as a row: one that is refused leaves nothing behind, and the others stay.
    pub(crate) async fn begin_part(&mut self) -> Result<Part> {
        Ok(Part {
            written: self.connection.begin_part().await?,
            entries: self.entries.len(),
            jobs: self.jobs.len(),
            mails: self.mails.len(),
            stale: self.stale.len(),
            owner_touched: self.owner_touched,
        })
    }

    /// Keeps the part if it succeeded, undoes it if it was refused; fails where the whole operation can't go on.
    pub(crate) async fn end_part<T>(&mut self, part: Part, result: Result<T>) -> Result<Result<T>> {
        match result {
            Ok(value) => {
                self.connection.keep_part(part.written).await?;
                Ok(Ok(value))
            }
            Err(error) if error.is_refusal() => {
                self.connection.undo_part(part.written).await?;
                self.entries.truncate(part.entries);
                self.jobs.truncate(part.jobs);
                self.mails.truncate(part.mails);
                self.stale.truncate(part.stale);
                self.owner_touched = part.owner_touched;
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }
}
