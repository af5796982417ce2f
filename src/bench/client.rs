//! A small HTTP/1.1 client on one kept-alive connection, cheap enough to leave the cores to the server it measures.
//!
//! It talks to our own server only: it understands a length and chunks, and nothing else of the protocol.

use model::{Error, Result};
use serde_json::Value;
use std::{fmt::Display, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
    head: usize,
    body: std::ops::Range<usize>,
    decoded: Vec<u8>,
    chunked: bool,
}

/// What the head of an answer says.
struct Head {
    status: u16,
    length: usize,
    body: Body,
    closes: bool,
}

enum Body {
    Length(usize),
    Chunks,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let buffer = Vec::with_capacity(16 * 1024);
        Ok(Self { address, stream, buffer, head: 0, body: 0..0, decoded: Vec::new(), chunked: false })
    }

    /// Sends the bytes of one request and answers the status; `body` holds the rest until the next call.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await.map_err(broken)?;
        self.buffer.clear();
        let head = loop {
            if let Some(head) = head(&self.buffer) {
                break head;
            }
            self.more().await?;
        };
        self.head = head.length;
        self.chunked = matches!(head.body, Body::Chunks);
        match head.body {
            Body::Length(length) => {
                while self.buffer.len() < head.length + length {
                    self.more().await?;
                }
                self.body = head.length..head.length + length;
            }
            Body::Chunks => self.read_chunks(head.length).await?,
        }
        if head.closes {
            self.stream = TcpStream::connect(self.address).await.map_err(broken)?;
            self.stream.set_nodelay(true).map_err(broken)?;
        }
        Ok(head.status)
    }

    /// The last answer's body.
    pub(crate) fn body(&self) -> &[u8] {
        if self.chunked { &self.decoded } else { &self.buffer[self.body.clone()] }
    }

    /// Sends, and fails with what the server said unless it answers with `status`.
    pub(crate) async fn expect(&mut self, status: u16, request: &[u8]) -> Result<()> {
        let found = self.send(request).await?;
        if found == status {
            return Ok(());
        }
        let said = String::from_utf8_lossy(self.body());
        Err(broken(format_args!("the server answered {found} instead of {status}: {said}")))
    }

    /// Sends what must succeed, and reads the answer.
    pub(crate) async fn json(&mut self, request: &[u8]) -> Result<Value> {
        self.expect(200, request).await?;
        serde_json::from_slice(self.body()).map_err(broken)
    }

    /// A header of the last answer; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.buffer[..self.head]).ok()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await.map_err(broken)? {
            0 => Err(broken("the server closed the connection")),
            _ => Ok(()),
        }
    }

    async fn read_chunks(&mut self, mut at: usize) -> Result<()> {
        self.decoded.clear();
        loop {
            let line_end = loop {
                match self.buffer[at..].windows(2).position(|pair| pair == b"\r\n") {
                    Some(length) => break at + length,
                    None => self.more().await?,
                }
            };
            let size = std::str::from_utf8(&self.buffer[at..line_end]).map_err(broken)?;
            let size =
                usize::from_str_radix(size.split(';').next().unwrap_or(size).trim(), 16).map_err(broken)?;
            let data = line_end + 2;
            while self.buffer.len() < data + size + 2 {
                self.more().await?;
            }
            self.decoded.extend_from_slice(&self.buffer[data..data + size]);
            at = data + size + 2;
            if size == 0 {
                return Ok(());
            }
        }
    }
}

/// The bytes of a request; `headers` are whole lines with their ends, the body is a JSON object or a form.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let kind = match body.bytes().next() {
        None => "",
        Some(b'{') => "content-type: application/json\r\n",
        Some(_) => "content-type: application/x-www-form-urlencoded\r\n",
    };
    let length = match method {
        "GET" | "HEAD" => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: muster.example\r\n{headers}{kind}{length}\r\n");
    (head + body).into_bytes()
}

/// Reads the head once it is complete.
fn head(buffer: &[u8]) -> Option<Head> {
    let length = buffer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let mut lines = buffer[..length].split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let status = std::str::from_utf8(first.get(9..12)?).ok()?.parse().ok()?;
    let mut head = Head { status, length, body: Body::Length(0), closes: false };
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        match colon {
            14 if line[..colon].eq_ignore_ascii_case(b"content-length") => {
                head.body = Body::Length(std::str::from_utf8(value).ok()?.parse().ok()?);
            }
            17 if line[..colon].eq_ignore_ascii_case(b"transfer-encoding") => head.body = Body::Chunks,
            10 if line[..colon].eq_ignore_ascii_case(b"connection") => {
                head.closes = value.eq_ignore_ascii_case(b"close");
            }
            _ => {}
        }
    }
    Some(head)
}

fn broken(cause: impl Display) -> Error {
    Error::unavailable("bench.connection", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lengths_chunks_and_closing_are_understood() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let answers = [
                "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
                "HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\nConnection: close\r\n\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n",
            ];
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            for (number, answer) in answers.iter().enumerate() {
                if number == 3 {
                    stream = listener.accept().await.unwrap().0;
                }
                assert!(stream.read(&mut request).await.unwrap() > 0);
                for piece in answer.as_bytes().chunks(7) {
                    stream.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut client = Client::connect(address).await.unwrap();
        let request = request("GET", "/", "", "");
        let mut seen = Vec::new();
        for _ in 0..4 {
            let status = client.send(&request).await.unwrap();
            seen.push((status, String::from_utf8(client.body().to_vec()).unwrap()));
        }
        let expected = [(201, "hello"), (200, "abcdefg"), (429, ""), (204, "")];
        assert_eq!(seen, expected.map(|(status, body)| (status, body.to_owned())));
        server.await.unwrap();
        assert!(client.send(&request).await.is_err());
    }

    #[test]
    fn requests_are_written_as_the_protocol_wants() {
        let bytes = request("POST", "/x", "authorization: Bearer t\r\n", "{}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /x HTTP/1.1\r\nhost: muster.example\r\nauthorization: Bearer t\r\n"));
        assert!(text.ends_with("content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"));
    }
}
