//! The physical limits P of PERFORMANCE: what the disk, the cores, the database and the web server could do at best.

use super::figure::{Figure, now};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use axum::{Router, routing::get};
use model::{Error, Result};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    thread,
    time::Duration,
};

/// Path that the hello server answers.
pub(crate) const HELLO_PATH: &str = "/hello";

/// Appends 4 KiB and syncs, again and again: what one commit alone can't beat.
pub(crate) fn fsync(directory: &Path, how_long: Duration) -> Result<Figure> {
    let path = directory.join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::internal)?;
    let figure = Figure::measured(|record| {
        let start = now();
        let mut last = start;
        let mut times = 0;
        while last - start < how_long {
            append(&mut file)?;
            let finished = now();
            record(finished - last);
            last = finished;
            times += 1;
        }
        Ok(times)
    });
    std::fs::remove_file(path).map_err(Error::internal)?;
    figure
}

fn append(file: &mut File) -> Result<()> {
    file.write_all(&[0x5a; 4096]).and_then(|()| file.sync_data()).map_err(Error::internal)
}

/// Argon2id with the product's cost on all cores, each reusing its memory.
pub(crate) fn hashes(how_long: Duration) -> Result<Figure> {
    let cores = thread::available_parallelism().map_err(Error::internal)?.get();
    let start = now();
    let mut total = Figure::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(move || hashes_on_one_core(how_long))).collect();
        for worker in workers {
            let figure = worker.join().map_err(|_| Error::internal("a hashing thread panicked"))??;
            total.merge(&figure);
        }
        Ok::<_, Error>(())
    })?;
    total.elapsed = start.elapsed();
    Ok(total)
}

fn hashes_on_one_core(how_long: Duration) -> Result<Figure> {
    let parameters = Params::new(19 * 1024, 2, 1, Some(32)).map_err(Error::internal)?;
    let mut memory = vec![Block::default(); parameters.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    Figure::measured(|record| {
        let start = now();
        let mut last = start;
        let mut times: u64 = 0;
        let mut hash = [0; 32];
        while last - start < how_long {
            let salt = (times + 1).to_be_bytes().repeat(2);
            argon2
                .hash_password_into_with_memory(b"correct horse battery", &salt, &mut hash, &mut memory)
                .map_err(Error::internal)?;
            std::hint::black_box(&hash);
            let finished = now();
            record(finished - last);
            last = finished;
            times += 1;
        }
        Ok(times)
    })
}

/// Serves one constant answer until ended, after printing the address it listens on: the web server without Muster.
pub(crate) async fn hello() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(Error::internal)?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let mut output = std::io::stdout();
    writeln!(output, "{address}").and_then(|()| output.flush()).map_err(Error::internal)?;
    let answer = r#"{"id":"01937b2e-7c1a-7000-8000-000000000000","username":"hello"}"#;
    let json = [("content-type", "application/json")];
    let router = Router::new().route(HELLO_PATH, get(move || async move { (json, answer) }));
    axum::serve(listener, router).await.map_err(Error::internal)
}
