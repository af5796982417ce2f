//! Clients that hold connections, drip their requests or take no answer: they hold nobody else up, and are let go.
//!
//! Over a real listener whose limits are the test's. Patience is a millisecond where it must end and an hour where it must
//! not, so that nothing depends on how fast anything is.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use web::ClientLimits;

use crate::{
    app::{TestApp, web_options},
    patience::eventually,
};

/// Never, for a test.
const AN_HOUR: Duration = Duration::from_secs(3600);
/// At once, for a client.
const AT_ONCE: Duration = Duration::from_millis(1);
/// A form that promises more than it brings.
const DRIPPED: &str = "POST /o/acme/sign-in HTTP/1.1\r\nhost: muster\r\ncontent-length: 1000\r\n\r\ni";

/// Few places, all patience.
fn limits() -> ClientLimits {
    ClientLimits {
        connections: 16,
        connections_per_address: 8,
        requests_per_address: 8,
        patience: AN_HOUR,
        answer_patience: AN_HOUR,
        ..ClientLimits::default()
    }
}

/// A listener that ends with the test.
struct Served {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Served {
    async fn new(app: &TestApp, clients: ClientLimits, trusted_proxies: Vec<IpNet>) -> Self {
        let listener = web::Listener::bind("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let address = listener.address();
        let (limits, proxies) = (clients.clone(), trusted_proxies.clone());
        let router = web::router(web::Options { clients, trusted_proxies, ..web_options() }, app.app.clone());
        let serving = tokio::spawn(listener.serve(router, limits, proxies, CancellationToken::new()));
        Self { address, serving }
    }

    /// Connects from `127.0.0.host`.
    async fn connect(&self, host: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// The same, and sends that.
    async fn begin(&self, host: u8, text: &str) -> TcpStream {
        let mut stream = self.connect(host).await;
        // A connection that was turned away may be closed by now.
        stream.write_all(text.as_bytes()).await.ok();
        stream
    }

    /// The status of a whole request on a connection of its own; 0 if it was closed without an answer.
    async fn ask(&self, host: u8, path: &str, headers: &str) -> u16 {
        let mut stream = self.begin(host, &get(path, headers)).await;
        status(&mut stream).await.unwrap_or_default()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: muster\r\n{headers}\r\n")
}

fn authorization(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

const SIGN_IN: &str = "/o/acme/sign-in";
const WHOAMI: &str = "/o/acme/api/v1/whoami";

/// The status of the next answer. The connection stays usable if the answer says how long it is and is read to its end.
async fn status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut seen = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        seen.push(byte[0]);
        if seen.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(head.split(' ').nth(1).unwrap().parse().unwrap())
}

/// Waits until the server ends it.
async fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok();
}

on_both! {
    async fn connections_of_one_address_that_drip_hold_nobody_up(app: TestApp) {
        let served = Served::new(&app, limits(), Vec::new()).await;
        let mut dripping = Vec::new();
        for _ in 0..40 {
            dripping.push(served.begin(1, DRIPPED).await);
        }
        assert_eq!(served.ask(2, SIGN_IN, "").await, 200);
        // At the same address, whoever sends a request at once is served, too.
        eventually("a colleague is served", async || served.ask(1, SIGN_IN, "").await == 200).await;
        ended(&mut dripping[0]).await;
    }

    async fn connections_of_many_addresses_that_drip_hold_nobody_up(app: TestApp) {
        let served = Served::new(&app, limits(), Vec::new()).await;
        let (mut dripping, head) = (Vec::new(), &DRIPPED[..30]);
        for host in 2..42 {
            let sent = [DRIPPED, head, ""][usize::from(host) % 3];
            dripping.push(served.begin(host, sent).await);
        }
        assert_eq!(served.ask(50, SIGN_IN, "").await, 200);
        assert_eq!(served.ask(51, WHOAMI, &authorization(&app.owner.token)).await, 200);
        ended(&mut dripping[0]).await;
    }

    async fn a_connection_of_somebody_signed_in_makes_room_for_nobody(app: TestApp) {
        let served = Served::new(&app, limits(), Vec::new()).await;
        let whoami = get(WHOAMI, &authorization(&app.owner.token));
        let mut unknown = served.begin(2, &get(SIGN_IN, "")).await;
        assert_eq!(status(&mut unknown).await.unwrap(), 200);
        let mut known = served.begin(3, &whoami).await;
        assert_eq!(status(&mut known).await.unwrap(), 200);
        let mut crowd = Vec::new();
        for host in 10..60 {
            crowd.push(served.begin(host, "").await);
        }
        ended(&mut unknown).await;
        known.write_all(whoami.as_bytes()).await.unwrap();
        assert_eq!(status(&mut known).await.unwrap(), 200);
        // Once it asks for something that needs nobody, it is one like any other.
        known.write_all(get(SIGN_IN, "").as_bytes()).await.unwrap();
        assert_eq!(status(&mut known).await.unwrap(), 200);
        for host in 60..110 {
            crowd.push(served.begin(host, "").await);
        }
        ended(&mut known).await;
    }

    async fn places_that_signed_in_people_hold_are_refused_to_others(app: TestApp) {
        let served = Served::new(&app, limits(), Vec::new()).await;
        let whoami = get(WHOAMI, &authorization(&app.owner.token));
        let mut known = Vec::new();
        for _ in 0..8 {
            let mut stream = served.begin(1, &whoami).await;
            assert_eq!(status(&mut stream).await.unwrap(), 200);
            known.push(stream);
        }
        let mut refused = served.connect(1).await;
        assert_eq!(status(&mut refused).await.unwrap(), 503);
        assert_eq!(served.ask(2, SIGN_IN, "").await, 200);
        known.clear();
        eventually("there is room again", async || served.ask(1, SIGN_IN, "").await == 200).await;
    }

    async fn a_body_that_never_comes_is_not_waited_for(app: TestApp) {
        let served = Served::new(&app, ClientLimits { patience: AT_ONCE, ..limits() }, Vec::new()).await;
        let token = authorization(&app.owner.token);
        let heads = [
            ("/o/acme/sign-in", String::new()),
            ("/o/nowhere/sign-in", String::new()),
            ("/o/acme/api/v1/users", format!("content-type: application/json\r\n{token}")),
            ("/o/acme/api/v1/users", format!("idempotency-key: k\r\n{token}")),
        ];
        for (path, headers) in heads {
            for framing in ["content-length: 10", "transfer-encoding: chunked"] {
                let head = format!("POST {path} HTTP/1.1\r\nhost: muster\r\n{framing}\r\n{headers}\r\n");
                let mut stream = served.begin(1, &head).await;
                let wanted = if path.contains("nowhere") { 404 } else { 408 };
                assert_eq!(status(&mut stream).await.unwrap(), wanted, "{head}");
                ended(&mut stream).await;
            }
        }
    }

    async fn a_body_that_drips_is_not_waited_for(app: TestApp) {
        let slow = ClientLimits { patience: Duration::from_millis(50), rate: 1_000_000, ..limits() };
        let served = Served::new(&app, slow, Vec::new()).await;
        let (mut reading, mut writing) = served.begin(1, DRIPPED).await.into_split();
        let dripping = tokio::spawn(async move {
            while writing.write_all(b"i").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut answer = vec![0; 12];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 408");
        dripping.abort();
    }

    async fn a_head_that_drips_is_not_waited_for(app: TestApp) {
        let slow = ClientLimits { patience: Duration::from_millis(50), rate: 1_000_000, ..limits() };
        let served = Served::new(&app, slow, Vec::new()).await;
        let mut stream = served.begin(1, "GET / HTTP/1.1\r\nhost: muster\r\nx-drip: ").await;
        while stream.write_all(b"i").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The second request of a connection has no more time than the first.
        let mut stream = served.begin(1, &get(SIGN_IN, "")).await;
        assert_eq!(status(&mut stream).await.unwrap(), 200);
        stream.write_all(b"GET").await.unwrap();
        ended(&mut stream).await;
    }

    async fn an_answer_that_nobody_takes_ends_the_connection(app: TestApp) {
        let limits = ClientLimits { answer_patience: AT_ONCE, ..limits() };
        let served = Served::new(&app, limits, Vec::new()).await;
        let mut stream = served.connect(1).await;
        let request = get(SIGN_IN, "");
        // It asks and asks, and reads nothing.
        while stream.write_all(request.as_bytes()).await.is_ok() {}
    }

    async fn a_client_of_a_proxy_holds_up_nobody_else(app: TestApp) {
        let limits = ClientLimits { connections: 10_000, ..limits() };
        let served = Served::new(&app, limits, vec!["127.0.0.1/32".parse().unwrap()]).await;
        let forwarded = |client: &str| format!("x-forwarded-for: {client}\r\n");
        let mut dripping = Vec::new();
        // More connections than another peer may have, all of them in use.
        let same = forwarded("2001:db8::ffff");
        eventually("the client has no more places", async || {
            let client = forwarded(&format!("2001:db8::{}", dripping.len()));
            dripping.push(served.begin(1, &DRIPPED.replace("content-", &format!("{client}content-"))).await);
            served.ask(1, SIGN_IN, &same).await == 429
        })
        .await;
        assert_eq!(served.ask(1, SIGN_IN, &forwarded("2001:db8:0:1::1")).await, 200);
        // Its signed-in colleagues go on.
        let known = format!("{same}{}", authorization(&app.owner.token));
        assert_eq!(served.ask(1, WHOAMI, &known).await, 200);
        dripping.clear();
        eventually("its places are free", async || served.ask(1, SIGN_IN, &same).await == 200).await;
    }
}
