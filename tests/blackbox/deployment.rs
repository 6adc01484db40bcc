//! What lies in `docker/` agrees with the server, and with itself. Building and showing the image is for `docker/build` and
//! `docker/smoke`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use fluxora_store_postgres::testing::Cluster;

use crate::binary;
use crate::http::Request;
use crate::server::{Launch, TestServer};

const SCRIPTS: [&str; 6] = ["build", "kubernetes/validate", "make-base", "make-secrets", "run", "smoke"];
/// What stands before the name of a setting, file by file.
const SET_AFTER: [(&str, &[&str]); 7] = [
    ("Dockerfile", &["\nENV ", "\n    "]),
    ("compose.yaml", &["\n    "]),
    ("fluxora.service", &["Environment="]),
    ("kubernetes/migration.yaml", &["- name: "]),
    ("kubernetes/server.yaml", &["- name: "]),
    ("run", &["--env "]),
    ("smoke", &["--env "]),
];

/// A file of `docker/`.
fn file(path: &str) -> String {
    let path = binary::root().join("docker").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands in a text after this, as long as its characters are such.
fn after<'a>(text: &'a str, begin: &str, such: impl Fn(char) -> bool) -> BTreeSet<&'a str> {
    let rests = text.match_indices(begin).map(|(at, _)| &text[at + begin.len()..]);
    let words = rests.map(|rest| rest.split(|c| !such(c)).next().unwrap());
    words.filter(|word| !word.is_empty()).collect()
}

fn names<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    after(text, begin, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn number(text: &str, begin: &str) -> u64 {
    let numbers = after(text, begin, |c| c.is_ascii_digit());
    assert_eq!(numbers.len(), 1, "{begin}: {numbers:?}");
    numbers.first().unwrap().parse().unwrap()
}

/// A command of the server, with this environment.
fn asks(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary::server());
    command.args(arguments).current_dir(folder.path()).env_clear().envs(environment.iter().copied());
    command.output().unwrap()
}

/// What `--help` says, in one line.
fn help() -> String {
    let said = String::from_utf8(asks(&["--help"], &[]).stdout).unwrap();
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_setting_that_is_set_here_is_one_of_the_servers() {
    let help = help();
    let known = names(&help, "[env: ");
    assert!(known.contains("HOST") && known.contains("DATABASE_URL_FILE"), "{known:?}");
    for (path, begins) in SET_AFTER {
        let text = file(path);
        // The build of an image does not inherit the environment.
        let text = text.split_once("\nFROM scratch").map_or(text.as_str(), |(_, image)| image);
        let set: BTreeSet<_> = begins.iter().flat_map(|begin| names(text, begin)).collect();
        assert!(!set.is_empty(), "{path} sets nothing: SET_AFTER is out of date");
        let unknown: Vec<_> = set.difference(&known).collect();
        assert!(unknown.is_empty(), "{path} sets {unknown:?}, which --help does not name");
    }
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_project() {
    let toolchain = fs::read_to_string(binary::root().join("rust-toolchain.toml")).unwrap();
    let channel = after(&toolchain, "channel = \"", |c| c != '"');
    let channel = channel.first().unwrap();
    let base = format!("ARG RUST_IMAGE=rust:{channel}-bookworm\n");
    assert!(file("Dockerfile").contains(&base), "docker/Dockerfile does not build with {channel}");
}

#[test]
fn what_the_image_is_built_from_is_let_through_to_the_build() {
    let (dockerfile, let_through) = (file("Dockerfile"), file("../.dockerignore"));
    let copied = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    let copied = copied.filter(|rest| !rest.starts_with("--from")).flat_map(str::split_whitespace);
    for path in copied.filter(|path| *path != "./") {
        assert!(let_through.lines().any(|line| line == format!("!{path}")), ".dockerignore keeps {path} out");
    }
}

#[test]
fn the_user_is_the_same_everywhere() {
    for (path, begin) in [
        ("Dockerfile", "USER "),
        ("Dockerfile", "fluxora:x:"),
        ("Dockerfile", "-o "),
        ("compose.yaml", "uid="),
        ("kubernetes/migration.yaml", "runAsUser: "),
        ("kubernetes/server.yaml", "runAsUser: "),
        ("smoke", "--user "),
    ] {
        assert_eq!(number(&file(path), begin), 10_001, "{path}, {begin}");
    }
}

#[test]
fn whoever_stops_the_server_waits_longer_than_it_takes_to_stop() {
    let takes = number(&help(), "[env: SHUTDOWN_TIMEOUT_SECONDS=] [default: ");
    let compose = file("compose.yaml");
    let server = compose.split_once("\nservices:").unwrap().0;
    for (text, begin) in [
        (server, "stop_grace_period: "),
        (&file("fluxora.service"), "TimeoutStopSec="),
        (&file("kubernetes/server.yaml"), "terminationGracePeriodSeconds: "),
        (&file("run"), "--stop-timeout "),
    ] {
        assert!(number(text, begin) > takes, "{begin}");
    }
}

#[test]
fn the_server_answers_where_it_is_probed_and_its_healthcheck_tells_whether_it_does() {
    let mut server = TestServer::launch(Launch::new().set("HOST", "0.0.0.0"));
    let manifest = file("kubernetes/server.yaml");
    let probed = after(&manifest, "path: ", |c| c != '\n');
    assert_eq!(probed, BTreeSet::from(["/health/live", "/health/ready"]));
    for path in probed {
        server.get(path).expect(200);
    }
    let port = server.address().port().to_string();
    let environment = [("HOST", "0.0.0.0"), ("PORT", port.as_str())];
    let asked = asks(&["healthcheck"], &environment);
    assert_eq!((asked.status.code(), asked.stderr), (Some(0), vec![]));
    server.terminate();
    let asked = asks(&["healthcheck"], &environment);
    assert_eq!(asked.status.code(), Some(1));
}

#[test]
fn every_script_can_be_run_and_parses() {
    for script in SCRIPTS {
        let path = binary::root().join("docker").join(script);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "docker/{script} is not executable");
        let parsed = Command::new("bash").arg("-n").arg(&path).output().unwrap();
        assert!(parsed.status.success(), "docker/{script}: {}", String::from_utf8_lossy(&parsed.stderr));
    }
}

#[test]
fn the_secrets_of_compose_are_made_once_and_the_server_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("make-secrets");
    fs::copy(binary::root().join("docker/make-secrets"), &script).unwrap();
    let make = || {
        assert!(Command::new(&script).output().unwrap().status.success());
        ["postgres_password", "database_url"]
            .map(|name| fs::read_to_string(folder.path().join("secrets").join(name)).unwrap())
    };
    let [password, url] = make();
    assert_eq!(password.trim_end().len(), 48, "{password}");
    assert!(url.contains(&format!(":{}@postgres:", password.trim_end())), "{url}");
    assert_eq!(make(), [password, url], "a second run changes them");
    let owners = fs::metadata(folder.path().join("secrets")).unwrap().permissions().mode();
    assert_eq!(owners & 0o777, 0o700);

    // The setting after it is wrong on purpose: were the URL wrong, it would be named as well.
    let path = folder.path().join("secrets/database_url");
    let environment = [("DATABASE_URL_FILE", text(&path)), ("OPEN_WRITES", "perhaps")];
    let said = String::from_utf8(asks(&[], &environment).stderr).unwrap();
    assert!(said.contains("OPEN_WRITES") && !said.contains("DATABASE_URL"), "{said}");
}

/// `docker/make-secrets FOLDER`, with this on standard input.
fn make_secrets_for_kubernetes(folder: &Path, url: &str) -> Output {
    let mut command = Command::new(binary::root().join("docker/make-secrets"));
    command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A script that refuses its arguments ends without reading its input.
    child.stdin.take().unwrap().write_all(url.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

/// The settings of the manifest that name a file, each with the name of the file in the Secret.
fn secret_settings(manifest: &str) -> Vec<(&str, &str)> {
    let lines: Vec<_> = manifest.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        Some((pair[0].strip_prefix("- name: ")?, pair[1].strip_prefix("value: /run/secrets/fluxora/")?))
    });
    pairs.collect()
}

#[test]
fn a_server_takes_exactly_the_files_of_the_kubernetes_recipe() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("secrets");
    let made = make_secrets_for_kubernetes(&folder, "postgres://fluxora:password@postgres:5432/fluxora\n");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let entries =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let created: BTreeSet<_> = entries.collect();

    let (server, migration) = (file("kubernetes/server.yaml"), file("kubernetes/migration.yaml"));
    let settings = secret_settings(&server);
    let mounted: BTreeSet<_> = settings.iter().map(|(_, file)| (*file).to_owned()).collect();
    assert_eq!(created, mounted, "make-secrets and server.yaml");
    assert!(secret_settings(&migration).iter().all(|(_, file)| created.contains(*file)), "migration.yaml");
    let example = file("kubernetes/secret.example.yaml");
    let (_, values) = example.split_once("\nstringData:\n").unwrap();
    let documented: BTreeSet<_> =
        values.lines().map(|line| line.trim().split(':').next().unwrap().to_owned()).collect();
    assert_eq!(created, documented, "make-secrets and secret.example.yaml");

    // OPEN_WRITES is wrong on purpose, so that the server ends before it looks for the database: it names every fault.
    let faults = |without: Option<&str>| {
        if let Some(name) = without {
            fs::rename(folder.join(name), parent.path().join(name)).unwrap();
        }
        let paths: Vec<_> = settings.iter().map(|(setting, name)| (*setting, folder.join(name))).collect();
        let mut environment: Vec<_> = paths.iter().map(|(setting, path)| (*setting, text(path))).collect();
        environment.push(("OPEN_WRITES", "perhaps"));
        let asked = asks(&[], &environment);
        if let Some(name) = without {
            fs::rename(parent.path().join(name), folder.join(name)).unwrap();
        }
        assert_eq!(asked.status.code(), Some(78));
        let said = String::from_utf8(asked.stderr).unwrap();
        settings
            .iter()
            .map(|(setting, _)| *setting)
            .filter(|setting| said.contains(setting))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults(None), Vec::<&str>::new());
    for (setting, name) in &settings {
        assert_eq!(faults(Some(name)), [*setting], "without {name}");
    }
}

/// The environment of the one container of a manifest, as the YAML lists it: literal values only.
fn container_environment(manifest: &str) -> Vec<(String, String)> {
    let (_, rest) = manifest.split_once("\n          env:\n").unwrap();
    let list = rest.lines().take_while(|line| line.starts_with("            "));
    let lines: Vec<_> = list.map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let pairs = lines.chunks(2).map(|pair| {
        let [name, value] = pair else { panic!("{pair:?} is no variable") };
        let name = name.strip_prefix("- name: ").unwrap_or_else(|| panic!("{name} is no name"));
        let value = value.strip_prefix("value: ").unwrap_or_else(|| panic!("{value} is no literal value"));
        (name.to_owned(), value.trim_matches('"').to_owned())
    });
    pairs.collect()
}

/// The variables that the image sets.
fn image_environment() -> Vec<(String, String)> {
    let dockerfile = file("Dockerfile");
    let (_, image) = dockerfile.split_once("\nFROM scratch").unwrap();
    let (_, set) = image.split_once("\nENV ").unwrap();
    let (set, _) = set.split_once("\nEXPOSE").unwrap();
    let words = set.split_whitespace().filter(|word| *word != "\\");
    words.map(|word| word.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn the_manifests_with_the_files_of_the_recipe_migrate_a_database_and_start_a_server_that_is_ready() {
    let Some(cluster) = Cluster::shared() else { return };
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("secrets");
    let made = make_secrets_for_kubernetes(&folder, &format!("{}\n", cluster.database().url()));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // The Secret is mounted elsewhere, and the port is any free one. Everything else is as a container has it.
    let environment = |manifest: &str| -> Vec<(String, String)> {
        let container = container_environment(&file(manifest));
        assert!(!container.is_empty(), "{manifest} sets nothing");
        let mounted = |value: String| value.replace("/run/secrets/fluxora", text(&folder));
        image_environment()
            .into_iter()
            .chain(container)
            .map(|(name, value)| if name == "PORT" { (name, "0".to_owned()) } else { (name, mounted(value)) })
            .collect()
    };
    let migration = file("kubernetes/migration.yaml");
    assert!(
        migration.contains("\n          args: [\"migrate\"]\n"),
        "the test runs another command than the Job"
    );
    let of_migration = environment("kubernetes/migration.yaml");
    let of_migration: Vec<_> =
        of_migration.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let migrated = asks(&["migrate"], &of_migration);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));

    let launch = Launch::new().unset("ALLOWED_HOSTS").unset("HEALTH_DETAILS").unset("PORT");
    let launch = environment("kubernetes/server.yaml")
        .into_iter()
        .fold(launch, |launch, (name, value)| launch.set(&name, value));
    let mut server = TestServer::launch(launch);
    for path in ["/health/live", "/health/ready"] {
        // A probe names the address of the pod.
        let probe = Request::get(path).without("host").header("host", "10.0.0.7:3000");
        server.send(&probe).expect(200);
    }
    let list = |host: &str| Request::get("/api/streams").without("host").header("host", host);
    server.send(&list("fluxora")).expect(200);
    assert_eq!(server.send(&list("fluxora.example")).status, 421, "the name of no Service or Ingress");
    server.terminate();
}

#[test]
fn the_documented_recipe_for_kubernetes_is_the_one_that_is_tested() {
    for path in ["README.md", "kubernetes/secret.example.yaml"] {
        let text = file(path);
        for line in [
            "docker/make-secrets \"$HOME/fluxora-secrets\" <database_url\n",
            "kubectl create secret generic fluxora --from-file=\"$HOME/fluxora-secrets\"\n",
        ] {
            assert!(text.contains(line), "docker/{path} lacks {line}");
        }
    }
}

#[test]
fn secrets_for_kubernetes_are_not_made_twice_nor_without_a_url() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("secrets");
    for url in ["", "password\n", "postgres://"] {
        assert_eq!(make_secrets_for_kubernetes(&folder, url).status.code(), Some(2), "{url:?}");
        assert!(!folder.exists());
    }
    let url = "postgres://fluxora@postgres/fluxora\n";
    assert!(make_secrets_for_kubernetes(&folder, url).status.success());
    let token = || fs::read_to_string(folder.join("operator_token")).unwrap();
    let before = token();
    assert_eq!(make_secrets_for_kubernetes(&folder, url).status.code(), Some(1));
    assert_eq!(token(), before, "a second run changes them");
}

#[test]
fn the_budget_of_connections_counts_the_servers_of_a_rollout() {
    let (manifest, guide) = (file("kubernetes/server.yaml"), file("README.md"));
    let [replicas, surge] = ["replicas: ", "maxSurge: "].map(|begin| number(&manifest, begin));
    let pool = number(&manifest, "DB_POOL_SIZE\n              value: \"");
    let most = (replicas + surge + 1) * (pool + 2);
    assert!(manifest.contains(&format!(" = {most} connections during a rollout")), "server.yaml: {most}");
    assert!(guide.contains(&format!("during a rollout, {most} with these manifests")), "README.md: {most}");
}

#[test]
fn the_base_of_the_build_takes_named_folders_of_the_host_only() {
    let script = file("make-base");
    let (_, rest) = script.split_once("for path in ").unwrap();
    let (taken, _) = rest.split_once("; do").unwrap();
    let allowed = [
        "bin",
        "lib",
        "lib64",
        "usr/",
        "etc/alternatives",
        "etc/ld.so.cache",
        "etc/ssl/certs",
        "\"$libraries\"",
    ];
    for path in taken.split_whitespace().filter(|word| *word != "\\") {
        assert!(
            allowed.iter().any(|allowed| path == *allowed || *allowed == "usr/" && path.starts_with("usr/")),
            "{path}"
        );
    }
    assert_eq!(script.matches("--directory").count(), 2, "nothing else of the host is added");
    assert!(!file("README.md").contains("--directory / ."), "the guide imports the whole root");
}

#[test]
fn the_base_of_the_build_holds_no_account_home_folder_or_key_of_the_host() {
    let script = binary::root().join("docker/make-base");
    let list = format!("set -o pipefail; '{}' | tar --list", text(&script));
    let listed = Command::new("bash").args(["-c", &list]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let entries = String::from_utf8(listed.stdout).unwrap();
    let entries: BTreeSet<_> = entries.lines().map(|entry| entry.trim_start_matches("./")).collect();
    assert!(
        entries.contains("usr/local/rust/bin/rustc") && entries.contains("usr/bin/cc"),
        "it builds nothing"
    );
    let is_allowed = |entry: &&str| {
        ["bin", "lib", "lib64"].contains(entry)
            || ["bin/", "lib/", "lib64/", "usr/", "tmp"].iter().any(|folder| entry.starts_with(folder))
            || ["etc/alternatives", "etc/ld.so.cache", "etc/ssl/certs"]
                .iter()
                .any(|name| entry.starts_with(name))
    };
    let others: Vec<_> = entries.iter().filter(|entry| !is_allowed(entry)).collect();
    assert!(others.is_empty(), "{others:?}");
    let is_secret = |entry: &&&str| {
        let name = entry.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        ["shadow", "gshadow", "passwd-", "authorized_keys", "known_hosts"].contains(&name)
            || ["ssh_host_", "id_rsa", "id_ed25519"].iter().any(|begin| name.starts_with(begin))
            || entry.starts_with("tmp/") && entry.len() > 4
    };
    let secrets: Vec<_> = entries.iter().filter(is_secret).collect();
    assert!(secrets.is_empty(), "{secrets:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}
