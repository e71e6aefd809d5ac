//! A service whose machine has no file descriptors left.

use std::{process::Command, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use super::{code, place::Place};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test]
async fn it_rests_while_it_cannot_accept_and_then_goes_on() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    let pid = serving.pid().to_string();
    let limited = Command::new("prlimit").args(["--nofile=64:64", "--pid", &pid]).status();
    assert!(limited.unwrap().success());
    let address = serving.address.trim_start_matches("http://");
    let mut crowd = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        crowd.push(stream);
    }
    sleep(Duration::from_secs(2)).await;
    let rests = serving.err().matches("cannot accept; resting").count();
    assert!((2..=12).contains(&rests), "{rests} rests: {}", serving.err());
    drop(crowd);
    let check = ["call", "grpc.health.v1.Health/Check", "--addr", &serving.address];
    let told = place.run(&check).await;
    assert!(told.status.success(), "{told:?}");
    assert_eq!(code(serving.terminate().await), 0);
}
