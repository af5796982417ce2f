//! A connection that gives out one line at a time, so that nothing said before TLS is read after it.
//!
//! Whoever sits in between could add answers of his own behind the server's consent to STARTTLS; a reader that has them in
//! its buffer would later take them for the server's. Here they stay in front of TLS, which fails on them.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Held back at most.
const SIZE: usize = 16 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct LineByLine {
    inner: TcpStream,
    held: Vec<u8>,
    at: usize,
}

impl LineByLine {
    pub(super) fn new(inner: TcpStream) -> Self {
        Self { inner, held: Vec::new(), at: 0 }
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.at == this.held.len() {
            this.held.resize(SIZE, 0);
            this.at = 0;
            let mut read = ReadBuf::new(&mut this.held);
            let polled = Pin::new(&mut this.inner).poll_read(context, &mut read);
            let filled = read.filled().len();
            this.held.truncate(filled);
            match polled {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        let rest = &this.held[this.at..];
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let given = line.min(buffer.remaining());
        buffer.put_slice(&rest[..given]);
        this.at += given;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl AsyncTokioStream for LineByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}
