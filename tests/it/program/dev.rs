//! `dev`: what it prints works when it is pasted into a shell, and its data go or stay as
//! they should.

use std::{fs, process::Stdio};

use serde_json::Value;
use tiltaksplass::domain::national_identity::NationalIdentityNumber;
use tokio::{process::Command, time::timeout};

use super::{
    DEMO_DATA, PATIENCE, Place, code, import,
    place::{Told, after},
};

/// What is printed, parted.
struct Printed {
    /// The address and the tokens.
    setup: String,
    /// Each call as it stands.
    calls: Vec<String>,
}

impl Printed {
    fn of(text: &str) -> Self {
        let (setup, calls) = text.split_once("# Calls to copy").unwrap();
        let calls = calls.split("\n\n").skip(1).filter(|part| part.contains(" call "));
        Self { setup: setup.to_owned(), calls: calls.map(str::to_owned).collect() }
    }

    fn call(&self, method: &str) -> &str {
        let found = self.calls.iter().find(|call| call.contains(method));
        found.unwrap_or_else(|| panic!("no call of {method} is printed"))
    }

    /// Pastes a call, with all that stands before the calls, into a shell of its own.
    async fn paste(&self, method: &str) -> Value {
        let script = format!("{}\n{}", self.setup, self.call(method));
        let told = shell(&script).await;
        assert!(told.status.success(), "{method}: {told:?}");
        serde_json::from_str(&told.out).unwrap()
    }
}

async fn shell(script: &str) -> Told {
    let mut command = Command::new("sh");
    command.arg("-euc").arg(script).stdin(Stdio::null()).env_clear().kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.expect("an end in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn what_dev_prints_can_be_pasted_into_a_shell() {
    let place = Place::new();
    let (mut serving, text) = place.dev(&[]).await;
    let printed = Printed::of(&text);
    for role in
        ["directorate", "county", "office", "municipality", "provider", "service", "auditor"]
    {
        assert!(printed.setup.contains(&format!("\n{role}=ey")), "no token for {role}");
    }
    printed.call("AllocationService/ExplainDecision");

    let queues = printed.paste("WaitlistService/SummarizeQueues").await;
    assert_eq!(queues["queues"][0]["personsWaiting"], "13", "{queues}");
    printed.paste("CapacityService/GetAvailability").await;
    printed.paste("FairShareService/GetFairShare").await;
    let position = printed.paste("WaitlistService/GetPosition").await;
    assert_eq!(position["state"], "ENTRY_STATE_WAITING");
    let joined = printed.paste("WaitlistService/JoinWaitlist").await;
    assert_eq!(joined, printed.paste("WaitlistService/JoinWaitlist").await, "sent again");
    let run = printed.paste("AllocationService/AllocatePlaces").await;
    assert_eq!(run["proposals"].as_array().unwrap().len(), 1, "{run}");
    let confirmed = printed.paste("AllocationService/ConfirmProposals").await;
    assert_eq!(confirmed["offers"][0]["state"], "OFFER_STATE_OFFERED");
    let answered = printed.paste("AllocationService/RespondToOffer").await;
    assert_eq!(answered["offer"]["state"], "OFFER_STATE_ACCEPTED");
    printed.paste("AllocationService/StartPlacement").await;
    let ended = printed.paste("AllocationService/EndPlacement").await;
    assert_eq!(ended["placement"]["state"], "PLACEMENT_STATE_ENDED");

    let number = after(printed.call("JoinWaitlist"), "\"nationalIdentityNumber\":\"");
    assert!(NationalIdentityNumber::parse(&number[..11]).unwrap().is_synthetic());
    assert_eq!(fs::read_dir(place.scratch()).unwrap().count(), 1);
    assert_eq!(code(serving.interrupt().await), 0, "{}", serving.err());
    assert_eq!(fs::read_dir(place.scratch()).unwrap().count(), 0, "its folder stays");
}

#[tokio::test]
async fn dev_goes_on_with_its_own_data_and_touches_nobody_elses() {
    let place = Place::new();
    let folder = place.data().to_str().unwrap().to_owned();
    let kept = ["--data-dir", folder.as_str()];
    for first in [true, false] {
        let (mut serving, text) = place.dev(&kept).await;
        assert_eq!(text.contains("those of an earlier run"), !first, "{text}");
        let printed = Printed::of(&text);
        printed.paste("WaitlistService/JoinWaitlist").await;
        printed.paste("AllocationService/RespondToOffer").await;
        assert_eq!(code(serving.terminate().await), 0, "{}", serving.err());
    }
    let well = place.run(&["verify"]).await;
    assert!(well.out.ends_with("all is well\n"), "{well:?}");

    let real = Place::new();
    let mut serving = real.serve(&[]).await;
    import(&serving, &real, DEMO_DATA).await;
    assert_eq!(code(serving.terminate().await), 0);
    let folder = real.data().to_str().unwrap().to_owned();
    let told = real.run(&["dev", "--listen", "127.0.0.1:0", "--data-dir", &folder]).await;
    assert_eq!((code(told.status), told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.contains("already holds"), "{}", told.err);
}
