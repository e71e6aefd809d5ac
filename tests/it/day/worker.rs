//! Somebody at work with `tiltaksplass call`.

use std::process::Stdio;

use serde_json::{Value, json};
use tiltaksplass::{domain::access::Role, proto::v1::Ledger};
use tokio::process::Command;

use crate::support::{Service, request_id};

pub struct Worker {
    address: String,
    token: String,
}

impl Worker {
    /// With a token of the day.
    pub fn new(service: &Service, role: Role, organisation: &str) -> Self {
        Self {
            address: format!("http://{}", service.address),
            token: service.token(role, organisation, &format!("{}-1", role.as_str())),
        }
    }

    /// A question.
    pub async fn asks(&self, method: &str, body: Value) -> Value {
        let mut call = Command::new(env!("CARGO_BIN_EXE_tiltaksplass"));
        call.args(["call", method, "-d", &body.to_string()])
            .env("TILTAKSPLASS_ADDR", &self.address)
            .env("TILTAKSPLASS_TOKEN", &self.token)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let told = call.output().await.unwrap();
        let refusal = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "a dead end at {method} with {body}: {refusal}");
        serde_json::from_slice(&told.stdout).unwrap()
    }

    /// A change.
    pub async fn does(&self, method: &str, mut body: Value) -> Value {
        body["requestId"] = json!(request_id());
        self.asks(method, body).await
    }

    /// The same change as a preview.
    pub async fn would(&self, method: &str, mut body: Value) -> Value {
        body["validateOnly"] = json!(true);
        self.does(method, body).await
    }
}

pub fn in_ledger(ledger: &Ledger) -> Value {
    json!({ "countyId": ledger.county_id, "measureCode": ledger.measure_code })
}

pub fn day(year: u32, month: u32, day: u32) -> Value {
    json!({ "year": year, "month": month, "day": day })
}

/// A list that may be left out of an answer as it is empty.
pub fn all(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// The only one of a list.
pub fn one(list: &Value) -> Value {
    let [one] = &all(list)[..] else { panic!("not one: {list}") };
    one.clone()
}
