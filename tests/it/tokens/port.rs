//! The whole way: a token of another issuer, over the port, to the rows it may see.

use serde_json::{Value, json};
use tiltaksplass::{cli::call::DynamicClient, domain::access::Role};

use super::{key, person, settings, signed};
use crate::{
    support::Service,
    world::{COUNTY, OTHER_COUNTY, World, vta},
};

/// A service that takes tokens of an issuer of each kind.
pub async fn service() -> Service {
    let folder = tempfile::tempdir().unwrap().keep();
    let file = folder.join("jwks.json");
    std::fs::write(&file, key().key_set().to_string()).unwrap();
    let service = Service::start_with_settings(&settings(&file.display().to_string())).await;
    // It has read the file, and reads it again: gone is a trouble, and not the end.
    std::fs::remove_dir_all(&folder).unwrap();
    service
}

/// A client of a service, with these claims.
pub async fn client(service: &Service, claims: &Value) -> DynamicClient {
    let address = format!("http://{}", service.address);
    DynamicClient::connect(&address, Some(&signed(claims))).await.unwrap()
}

async fn queue(client: &mut DynamicClient, county: &str) -> Result<usize, String> {
    let body = json!({"ledger": {"countyId": county, "measureCode": "VTA"}});
    match client.unary_json("WaitlistService/ListWaitlistEntries", body).await {
        Ok(answer) => Ok(answer["entries"].as_array().map_or(0, Vec::len)),
        Err(error) => Err(error.to_json()["code"].as_str().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn an_adviser_sees_their_own_queue_and_not_another_countys() {
    let world = World::on(service().await).await;
    let (ledger, _) = world.vta(5).await;
    world.join(&ledger, 1).await;
    let other = tiltaksplass::proto::v1::Ledger { county_id: OTHER_COUNTY.into(), ..vta() };
    world.budget(&other, 5).await;
    world.join(&other, 2).await;
    let county = person(&["5b3f9d52-1111-4e0e-9a3c-0a2b6c2a1601"]);
    let office = person(&["5701-CA-tiltak"]);
    // An office may follow somebody up in another county; here it follows nobody.
    for (claims, elsewhere) in [(county, Err("PERMISSION_DENIED".to_owned())), (office, Ok(0))] {
        let mut adviser = client(&world.service, &claims).await;
        assert_eq!(queue(&mut adviser, COUNTY).await, Ok(1), "{claims}");
        assert_eq!(queue(&mut adviser, OTHER_COUNTY).await, elsewhere, "{claims}");
    }
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT DISTINCT issuer, subject, role, organisation FROM access_log WHERE issuer LIKE 'https%' ORDER BY 3",
    )
    .fetch_all(&mut world.service.sql().await)
    .await
    .unwrap();
    let told: Vec<_> =
        rows.iter().map(|r| (r.1.as_str(), r.2.to_lowercase(), r.3.as_str())).collect();
    assert!(told.contains(&("Z990001", "county".into(), "NO-16")), "{told:?}");
    assert!(told.contains(&("Z990001", "office".into(), "5701")), "{told:?}");
    world.service.verify().await;
}

#[tokio::test]
async fn the_caller_is_told_what_to_say_of_as_whom() {
    let service = service().await;
    let mut both = client(&service, &person(&["5701-CA-tiltak", "5719-CA-tiltak"])).await;
    let areas = "RegistryService/ListAreas";
    let refused = both.unary_json(areas, json!({})).await.unwrap_err().to_json();
    assert_eq!(refused["code"], "INVALID_ARGUMENT");
    assert_eq!(refused["details"][0]["reason"], "INVALID_FIELDS");
    let violations = json!([{"field": "x-acting-as",
        "description": "must name one of office:5701, office:5719"}]);
    assert_eq!(refused["details"][1]["fieldViolations"], violations, "{refused:#}");
    both.act_as("office:5719").unwrap();
    assert!(both.unary_json(areas, json!({})).await.is_ok());
    both.act_as("office:5712").unwrap();
    let refused = both.unary_json(areas, json!({})).await.unwrap_err().to_json();
    assert_eq!(refused["code"], "PERMISSION_DENIED");
    assert_eq!(refused["details"][0]["reason"], "PERMISSION_DENIED");
    // So it is with the service's own tokens.
    let own = service.token(Role::County, COUNTY, "kari");
    let address = format!("http://{}", service.address);
    let mut own = DynamicClient::connect(&address, Some(&own)).await.unwrap();
    own.act_as("county:NO-16").unwrap();
    assert!(own.unary_json(areas, json!({})).await.is_ok());
    own.act_as("directorate:NAV").unwrap();
    let refused = own.unary_json(areas, json!({})).await.unwrap_err().to_json();
    assert_eq!(refused["code"], "PERMISSION_DENIED");
}

#[tokio::test]
async fn the_services_own_issuer_can_be_switched_off() {
    let service = Service::start_with_settings("[local_issuer]\nenabled = false\n").await;
    let token = service.token(Role::Directorate, "NAV", "kari");
    let address = format!("http://{}", service.address);
    let mut client = DynamicClient::connect(&address, Some(&token)).await.unwrap();
    let refused = client.unary_json("RegistryService/ListAreas", json!({})).await;
    assert_eq!(refused.unwrap_err().to_json()["code"], "UNAUTHENTICATED");
    assert!(client.unary_json("Health/Check", json!({})).await.is_ok());
}
