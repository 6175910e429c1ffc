//! A TCP proxy of our own between a client and the server, which sees the answer come and spoils it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

/// Carries one connection: everything to the server, and of its answer so many bytes; then it cuts both sides.
///
/// The returned address is good for one connection. The handle gives the bytes of the answer that were let through.
pub fn cut_answer(server: SocketAddr, answer_bytes: usize) -> (SocketAddr, JoinHandle<usize>) {
    intercept(server, move |client, upstream| {
        let mut passed = 0;
        while passed < answer_bytes {
            let mut chunk = vec![0; answer_bytes - passed];
            let read = upstream.read(&mut chunk).unwrap_or_default();
            if read == 0 || client.write_all(&chunk[..read]).is_err() {
                break;
            }
            passed += read;
        }
        // An answer of no bytes is cut only when it has come: the request is done, and nobody is told.
        if answer_bytes == 0 {
            let _ = upstream.read(&mut [0; 1]);
        }
        passed
    })
}

/// Carries one connection, and tells the first byte of the answer to `strike` instead of the client.
pub fn strike_at_answer(server: SocketAddr, strike: impl FnOnce() + Send + 'static) -> (SocketAddr, JoinHandle<usize>) {
    intercept(server, move |_, upstream| {
        let read = upstream.read(&mut [0; 1]).unwrap_or_default();
        strike();
        read
    })
}

fn intercept(
    server: SocketAddr,
    answer: impl FnOnce(&mut TcpStream, &mut TcpStream) -> usize + Send + 'static,
) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let thread = std::thread::spawn(move || {
        let Ok((mut client, _)) = listener.accept() else { return 0 };
        let Ok(mut upstream) = TcpStream::connect(server) else { return 0 };
        let (mut from, mut to) = (
            client.try_clone().expect("a socket can be held twice"),
            upstream.try_clone().expect("a socket can be held twice"),
        );
        let request = std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let passed = answer(&mut client, &mut upstream);
        let _ = client.shutdown(Shutdown::Both);
        let _ = upstream.shutdown(Shutdown::Both);
        let _ = request.join();
        passed
    });
    (address, thread)
}
