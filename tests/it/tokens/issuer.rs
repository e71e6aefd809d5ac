//! An issuer that publishes its keys on a port of this machine: it can be stopped and started,
//! answers what it is told, and counts how often it was asked.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Below those that the system gives away by itself, so that nobody takes it while it is stopped.
const FIRST_PORT: u16 = 18_000;
const PORTS: u16 = 12_000;

pub struct Publisher {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    asked: AtomicUsize,
    answer: Mutex<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: &'static str,
    headers: String,
    body: String,
    delay: Duration,
}

impl Publisher {
    /// Publishes these keys.
    pub async fn start(keys: &Value) -> Self {
        let mut publisher = Self::stopped(keys).await;
        publisher.resume().await;
        publisher
    }

    /// Will publish these keys, and does not answer yet.
    pub async fn stopped(keys: &Value) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let address = loop {
            let own = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap();
            let port = FIRST_PORT + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            if TcpListener::bind(address).await.is_ok() {
                break address;
            }
        };
        let answer = Answer {
            status: "200 OK",
            headers: String::new(),
            body: keys.to_string(),
            delay: Duration::ZERO,
        };
        let shared = Shared { asked: AtomicUsize::new(0), answer: Mutex::new(answer) };
        Self { address, shared: Arc::new(shared), serving: None }
    }

    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub fn publish(&self, keys: &Value) {
        self.answer("200 OK", "", &keys.to_string());
    }

    pub fn answer(&self, status: &'static str, headers: &str, body: &str) {
        let mut answer = self.shared.answer.lock().unwrap();
        answer.status = status;
        headers.clone_into(&mut answer.headers);
        body.clone_into(&mut answer.body);
    }

    pub fn delay(&self, delay: Duration) {
        self.shared.answer.lock().unwrap().delay = delay;
    }

    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            drop(serving.await);
        }
    }

    pub async fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let shared = Arc::clone(&self.shared);
        self.serving = Some(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        }));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
            return;
        }
    }
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let Answer { status, headers, body, delay } = shared.answer.lock().unwrap().clone();
    tokio::time::sleep(delay).await;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    // Whoever has read enough hangs up.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}
