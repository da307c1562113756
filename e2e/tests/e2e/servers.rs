//! Reads that belong to a write go to the host of the write: before-images, and lookups after a lost
//! response.

use strataql_e2e::World;
use strataql_ledger::OutcomeKind;

use crate::ledger::{entries, home, kind, world};

const HOST: &str = "north.sites.fleet.example.com";
const UPDATE: &str = "UPDATE fleet.sites.racks SET size = 10 WHERE rack_id = 'r1'";

fn scenario(fault: &str) -> String {
    format!(
        "providers: [fleet]\nobjects:\n  fleet.sites.racks:\n  - {{rack_id: r1, name: one, size: 1}}\n{fault}"
    )
}

/// The requests as `GET host/path`.
fn asked(world: &World) -> Vec<String> {
    let log = world.sandbox.log().into_iter().filter(|entry| !entry.auth);
    log.map(|entry| format!("{} {}{}", entry.verb, entry.host, entry.path)).collect()
}

async fn run(world: &World, statements: &[&str]) {
    for statement in statements {
        world.run(statement).await.unwrap_or_else(|report| panic!("{statement}: {report}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_before_image_is_read_from_the_host_of_the_write() {
    let home = home();
    let world = world(&scenario(""), &home).await;
    let set = "SET \"variable.fleet.site\" = 'north'";
    run(&world, &[set, "SET \"ledger.before_image\" = on", UPDATE]).await;
    let (read, written) = (format!("GET {HOST}/racks/r1"), format!("PATCH {HOST}/racks/r1"));
    assert_eq!(asked(&world), [read, written]);
    let entries = entries(&home);
    let before = entries[0].intent.before.as_ref().expect("an image").value();
    assert_eq!(before["size"], 1);
    assert_eq!(entries[0].intent.url, format!("https://{HOST}/racks/r1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_looked_up_on_the_host_of_the_write() {
    let home = home();
    // the change is made, and the connection ends without a response
    let fault = "faults:\n- {method: racks.update, kind: reset, when: after, times: 1}\n";
    let world = world(&scenario(fault), &home).await;
    run(&world, &["SET \"variable.fleet.site\" = 'north'", UPDATE]).await;
    let asked = asked(&world);
    assert_eq!(asked.last(), Some(&format!("GET {HOST}/racks/r1")), "{asked:?}");
    assert!(asked.iter().all(|request| request.contains(HOST)), "{asked:?}");
    assert_eq!(kind(&entries(&home)[0]), Some(OutcomeKind::Applied));
}
