//! The service starts, and the registry is imported.

use serde_json::Value;

use crate::{
    cli::{
        Failure,
        call::DynamicClient,
        demo::{
            audit::{self, AREA},
            page::{Page, grouped, say},
            place::DemoPlace,
            service::Wires,
            share,
            stage::Stage,
        },
        import,
    },
    domain::access::Role,
};

/// Where the rows come from, as the log will say.
const SOURCE: &str = "the demonstration: county 16 in 2011, see SOURCES.md";

/// Starts, and imports the registry.
pub(super) async fn begin(
    mut page: Page,
    place: &DemoPlace,
    wires: Wires,
) -> Result<Stage, Failure> {
    page.heading("The service starts, and takes in the registry");
    let mut stage = Stage::new(page, wires, place.issuer()?).await?;
    say!("The service is a process of its own and listens on {}.", stage.desk.address());
    say!("Its data folder is {}.", place.folder().display());
    say!("Everything below goes over that port; every figure comes out of an answer.");
    say!();
    import(&mut stage).await?;
    fictional();
    Ok(stage)
}

/// Sends the registry's rows; answers how many there are, and what the service says of them.
pub(super) async fn take_in(stage: &Stage) -> Result<(usize, Value), Failure> {
    let token = stage.desk.token(Role::Directorate, "directorate", "directorate-registrar")?;
    let mut client = DynamicClient::connect(stage.desk.address(), Some(&token)).await?;
    let rows = audit::registry()?;
    Ok((rows.len(), import::send(&mut client, &rows, SOURCE, false).await?))
}

async fn import(stage: &mut Stage) -> Result<(), Failure> {
    let (rows, answer) = take_in(stage).await?;
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let (added, changed) = (number("addedRows"), number("changedRows"));
    let unchanged = number("unchangedRows");
    let shares = share::fair_share(stage, "population", share::METHOD).await?;
    let inhabitants: u64 = shares.shares.iter().map(|share| share.weight).sum();
    let municipalities = shares.shares.len();
    let page = &mut stage.page;
    say!("ImportRegistry: {added} rows added, {changed} changed, {unchanged} unchanged:");
    say!("areas, municipalities (kommuner), NAV offices, measure types (tiltakstyper),");
    say!("providers (tiltaksarrangører), distribution keys (fordelingsnøkler), holidays.");
    say!("{AREA} has {municipalities} municipalities with {} people.", grouped(inhabitants));
    page.check("Registry: rows taken in", added, rows);
    page.check("Registry: municipalities of the county", municipalities, 25);
    Ok(())
}

/// What nobody must take for true.
fn fictional() {
    say!();
    say!("True: the audit's figures (Trondheim kommunerevisjon 2011, tables 2 and 3, section");
    say!("5.5) and the populations (Source: Statistics Norway, table 07459, NLOD).");
    say!("Made up: all organisation and office numbers; all providers but Prima AS and Stavne;");
    say!("every person; the other 24 municipalities' shares; all deadlines; the budgets that are");
    say!("said to be assumed.");
}
