use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use strataql_diag::Code;

use super::{Answer, Body, Paging, PathPart, Source, Type, read};
use crate::testing::{sdk, skipped};

/// A package of this project's own with each shape that methods have.
const SERVICE: &str = include_str!("tests/service.py");
const VERSION: &str = "__version__ = \"1.2.3\"\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("databricks/sdk/service");
    fs::create_dir_all(&services).expect("created");
    fs::write(services.join("things.py"), SERVICE).expect("written");
    fs::write(folder.path().join("databricks/sdk/version.py"), VERSION).expect("written");
    folder
}

/// A ZIP archive, one file stored and one deflated.
fn archive() -> Vec<u8> {
    let files = [
        ("databricks/sdk/service/things.py", SERVICE, 8u16),
        ("databricks/sdk/version.py", VERSION, 0),
    ];
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text, method) in files {
        let data = if method == 8 {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(text.as_bytes()).expect("written");
            encoder.finish().expect("finished")
        } else {
            text.as_bytes().to_vec()
        };
        let offset = u32::try_from(out.len()).expect("small");
        let size = u32::try_from(data.len()).expect("small");
        let length = u16::try_from(name.len()).expect("small");
        let common = |to: &mut Vec<u8>| {
            to.extend(20u16.to_le_bytes());
            to.extend(0u16.to_le_bytes());
            to.extend(method.to_le_bytes());
            to.extend([0; 8]);
            to.extend(size.to_le_bytes());
            to.extend(u32::try_from(text.len()).expect("small").to_le_bytes());
            to.extend(length.to_le_bytes());
            to.extend(0u16.to_le_bytes());
        };
        out.extend(b"PK\x03\x04");
        common(&mut out);
        out.extend(name.as_bytes());
        out.extend(&data);
        directory.extend(b"PK\x01\x02");
        directory.extend(20u16.to_le_bytes());
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(out.len()).expect("small");
    let size = u32::try_from(directory.len()).expect("small");
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(2u16.to_le_bytes());
    out.extend(2u16.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

#[test]
fn a_wheel_and_a_folder_have_the_same_facts() {
    let folder = folder();
    let wheel = folder.path().join("x.whl");
    fs::write(&wheel, archive()).expect("written");
    let parts = ["", "databricks", "databricks/sdk"].map(|part| folder.path().join(part));
    let first = read(&wheel).expect("the wheel");
    assert_eq!(first.version, "1.2.3");
    for part in &parts {
        let other = read(part).expect("the folder");
        assert_eq!(format!("{other:?}"), format!("{first:?}"), "{}", part.display());
    }
}

#[test]
fn what_is_no_package_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.whl");
    let mut damaged = archive();
    damaged.truncate(damaged.len() - 30);
    for bytes in [&b"no archive"[..], &damaged, &archive()[40..]] {
        fs::write(&file, bytes).expect("written");
        assert_eq!(read(&file).expect_err("refused").code, Code::BadDocument);
    }
    assert_eq!(read(folder.path()).expect_err("refused").code, Code::BadDocument);
    assert_eq!(read(Path::new("/no/such/file")).expect_err("refused").code, Code::LocalIo);
}

#[test]
fn every_shape_of_a_method_is_read() {
    let sdk = read(folder().path()).expect("facts");
    let module = &sdk.modules["things"];
    let of = |class: &str, name: &str| {
        let api = module.apis.iter().find(|api| api.class == class).expect(class);
        api.methods.iter().find(|method| method.name == name).expect(name)
    };
    let named = |name: &str| Type::Named("things".into(), name.into());
    let create = of("ThingsAPI", "create_thing");
    assert_eq!((create.verb.as_str(), create.in_workspace), ("POST", true));
    assert_eq!(create.body, Body::Whole("thing".into()));
    assert_eq!(create.query, [("requestId".to_owned(), "request_id".to_owned())]);
    assert_eq!(create.random.as_deref(), Some("request_id"));
    assert_eq!(create.answer, Answer::One(named("Operation")));
    let wait = create.wait.as_ref().expect("a wait");
    assert_eq!((wait.poll.as_str(), wait.status.len()), ("get_operation", 0));
    let get = of("ThingsAPI", "get_thing");
    let parameter = |name: &str, slashes| PathPart::Parameter { name: name.into(), slashes };
    assert_eq!(
        get.path[1..],
        [parameter("kind", false), PathPart::Text("/".into()), parameter("path", true)]
    );
    assert!(get.parameters[0].required && get.parameters[1].required);
    let list = of("ThingsAPI", "list_things");
    let request = Source { in_body: false, wire: "page_token".into() };
    assert_eq!(list.paging, Paging::Token { request, response: "next_page_token".into() });
    let items = Answer::Items { key: Some("things".into()), item: named("Thing"), envelope: None };
    assert_eq!(list.answer, items);
    let start = of("ThingsAPI", "start_thing").wait.as_ref().expect("a wait");
    assert_eq!(
        (start.status.join("."), start.success.join(",")),
        ("state.now".into(), "RUNS".into())
    );
    assert_eq!(
        (start.failure.join(","), start.message.join(".")),
        ("BROKEN".into(), "state.why".into())
    );
    let users = of("AccountUsersAPI", "list");
    assert!(!users.in_workspace);
    assert_eq!(users.paging, Paging::Offset { wire: "startIndex".into() });
    assert_eq!(users.defaults.len(), 2);
    let upload = of("AccountUsersAPI", "upload");
    assert_eq!(upload.body, Body::Binary("contents".into()));
    let download = of("AccountUsersAPI", "download");
    assert_eq!(download.accept.as_deref(), Some("application/octet-stream"));
    assert_eq!(download.headers, ["content-length"]);
    let all = of("AccountUsersAPI", "all");
    let envelope = Answer::Items {
        key: Some("things".into()),
        item: named("Thing"),
        envelope: Some(named("ListThingsResponse")),
    };
    assert_eq!(all.answer, envelope);
    assert_eq!(of("AccountUsersAPI", "delete").answer, Answer::None);
    let message = &module.messages["Thing"];
    assert_eq!(message.fields[1].wire, "displayName");
    assert!(message.fields[0].required && !message.fields[1].required);
    assert_eq!(message.fields[2].kind, Type::List(Box::new(Type::Map(Box::new(Type::Integer)))));
}

#[test]
fn the_real_package_has_every_method() {
    let Some(package) = sdk() else { return skipped("the SDK is not installed") };
    let sdk = read(&package).expect("facts");
    if sdk.version != include_str!("../../../../providers/databricks-sdk.version").trim() {
        return skipped("another version of the SDK is installed");
    }
    let methods =
        || sdk.modules.values().flat_map(|module| &module.apis).flat_map(|api| &api.methods);
    let count = |matches: &dyn Fn(&&super::Operation) -> bool| methods().filter(matches).count();
    assert_eq!(count(&|_| true), 1437);
    assert_eq!(count(&|method| !method.in_workspace), 238);
    assert_eq!(sdk.modules.len(), 44);
    assert_eq!(sdk.modules.values().map(|module| module.messages.len()).sum::<usize>(), 2149);
    assert_eq!(sdk.modules.values().map(|module| module.enums.len()).sum::<usize>(), 567);
    assert_eq!(count(&|method| matches!(method.body, Body::Whole(_))), 194);
    assert_eq!(count(&|method| method.wait.is_some()), 78);
    assert_eq!(count(&|method| matches!(method.paging, Paging::Token { .. })), 179);
    assert_eq!(count(&|method| matches!(method.paging, Paging::Offset { .. })), 12);
    assert_eq!(count(&|method| matches!(method.paging, Paging::Page { .. })), 2);
    assert_eq!(count(&|method| matches!(method.paging, Paging::NextBody { .. })), 1);
    // the address of one is not in the package
    assert_eq!(count(&|method| method.path.is_empty()), 1);
}
