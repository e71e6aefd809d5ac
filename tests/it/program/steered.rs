//! The clock of the service that `demo` starts can be put forward, and that of `serve` cannot.

use std::os::unix::fs::PermissionsExt;

use tokio::io::AsyncWriteExt;

use super::{Place, code};

/// A day, in seconds: longer than the tokens below are good for.
const A_DAY: &str = "86400\n";

/// Whether a token made now, for 12 hours, is good at a service.
async fn is_good(place: &Place, address: &str, token: &str) -> bool {
    let method = "RegistryService/ListAreas";
    let told = place.run(&["call", method, "--addr", address, "--token", token]).await;
    !told.err.contains("UNAUTHENTICATED")
}

#[tokio::test]
async fn a_pipe_puts_the_clock_forward_and_its_end_ends_the_service() {
    let place = Place::new();
    let refused = place.run_with_pipe(&["demo-service"]).await;
    assert!(refused.err.contains("marks its folder"), "{}", refused.err);
    std::fs::create_dir_all(place.data()).unwrap();
    std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o711)).unwrap();
    std::fs::write(place.data().join("demonstration"), "").unwrap();
    let (mut serving, mut pipe) = place.serve_with_pipe(&["demo-service"]).await;
    let token = place.token("county", "NO-16").await;
    assert!(is_good(&place, &serving.address, &token).await);
    pipe.write_all(A_DAY.as_bytes()).await.unwrap();
    while serving.line().await != "the clock is 86400 s ahead" {}
    assert!(!is_good(&place, &serving.address, &token).await);
    pipe.write_all(b"60\n").await.unwrap();
    assert_eq!(serving.line().await, "the clock is 86400 s ahead", "it never goes back");
    drop(pipe);
    assert_eq!(code(serving.ended().await), 0, "{}", serving.err());
}

#[tokio::test]
async fn nobody_else_is_given_such_a_clock() {
    let place = Place::new();
    // Standard input is no pipe here.
    let refused = place.run(&["demo-service"]).await;
    assert_eq!((code(refused.status), refused.out.as_str()), (1, ""), "{refused:?}");
    assert!(refused.err.contains("use `serve`"), "{}", refused.err);
    let help =
        place.run(&["token", "--help"]).await.out + &place.run(&["serve", "--help"]).await.out;
    assert!(!help.contains("demo-service") && !help.contains("clock"), "{help}");

    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let (mut serving, mut pipe) = place.serve_with_pipe(&listen).await;
    let token = place.token("county", "NO-16").await;
    pipe.write_all(A_DAY.as_bytes()).await.unwrap();
    drop(pipe);
    assert!(is_good(&place, &serving.address, &token).await);
    assert_eq!(code(serving.terminate().await), 0);
}
