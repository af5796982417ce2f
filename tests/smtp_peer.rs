//! A foreign mail server (aiosmtpd, from Debian) as a process of its own, with certificates made for the test.
//!
//! What it does is in `smtp_peer.py`; how it is made to fail is not: that is `smtp_server.rs`.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use store::testing::Scratch;

/// Whom it lets in.
pub(crate) const NAME: &str = "muster";
/// And with what.
pub(crate) const PASSWORD: &str = "pässword with a space";

/// A running server; gone when dropped.
pub(crate) struct Peer {
    process: Child,
    mails: Receiver<String>,
    ports: Value,
    scratch: Scratch,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let scratch = Scratch::new();
        certificates(scratch.path());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_peer.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args([scratch.path().join("server.pem"), scratch.path().join("server.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains about every client that hangs up, which is what they are for.
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 and aiosmtpd: run scripts/install-test-tools");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it starts: run scripts/install-test-tools").unwrap();
        let ports = serde_json::from_str(&first).unwrap();
        let (put, mails) = channel();
        // A full pipe would stop it before it has acknowledged what it prints.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| put.send(line)));
        Self { process, mails, ports, scratch }
    }

    /// Where it is reached that way (`plain`, `plain_with_password`, `starttls`, `tls`).
    pub(crate) fn port(&self, way: &str) -> u16 {
        self.ports[way].as_u64().and_then(|port| port.try_into().ok()).unwrap()
    }

    /// The authority that has signed its certificate, which is for `localhost`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.scratch.path().join("authority.pem")
    }

    /// An authority that has nothing to do with it.
    pub(crate) fn other_authority(&self) -> PathBuf {
        self.scratch.path().join("other.pem")
    }

    /// The next mail that it has taken; it is there as soon as it was acknowledged.
    pub(crate) fn mail(&self) -> Value {
        serde_json::from_str(&self.mails.recv().expect("a mail")).unwrap()
    }

    /// Ends it; what it has taken and nobody has looked at.
    pub(crate) fn rest(mut self) -> Vec<Value> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.mails.iter().map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

/// An authority, what it has signed for `localhost`, and an authority that has signed nothing.
fn certificates(directory: &Path) {
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).unwrap();
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        (certificate.pem(), Issuer::new(parameters, key))
    };
    let (certificate, issuer) = authority("Ours");
    write("authority.pem", certificate);
    write("other.pem", authority("Somebody else's").0);
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    write("server.pem", server.pem());
    write("server.key", key.serialize_pem());
}
