use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The server's binary, built from the sources as they are.
///
/// Under `cargo test --workspace` everything has been built and this costs a look; under `cargo test -p fluxora-tests`, which
/// knows nothing of the binary, this is what builds it.
pub(crate) fn server() -> &'static Path {
    static SERVER: LazyLock<PathBuf> = LazyLock::new(build);
    &SERVER
}

/// The server of the previous version, which `tests/previous/build` builds. `FLUXORA_PREVIOUS_SERVER` names it. A test that needs it
/// is skipped with one line where the variable is not set.
pub(crate) fn previous_server() -> Option<&'static Path> {
    static PREVIOUS: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let path = environment_path("FLUXORA_PREVIOUS_SERVER");
        if path.is_none() {
            crate::services::missing(
                "FLUXORA_PREVIOUS_SERVER names no server of the previous version",
                false,
            );
        }
        path
    });
    PREVIOUS.as_deref()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment says where the server of the previous version is"
)]
fn environment_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// The folder of the whole project.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = PathBuf::from(cargo_variable("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR")));
        package.parent().expect("this package lies in the root folder").to_owned()
    });
    &ROOT
}

/// The cargo that runs the tests.
pub(crate) fn this_cargo() -> Command {
    Command::new(cargo_variable("CARGO", env!("CARGO")))
}

/// What cargo says as it runs the tests. What it said as it built them may be of another place: a build that is kept moves.
#[expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a test")]
fn cargo_variable(name: &str, when_built: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| when_built.into())
}

/// A cargo that works on the project, without the network.
///
/// The variables that `cargo test` sets for a test are removed from the environment: build scripts that watch those variables
/// would run again, and everything above them be built again, in every run.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = this_cargo();
    cargo.current_dir(root()).args(arguments).args(["--locked", "--offline"]);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"].iter().any(|of_test| text.starts_with(of_test))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn build() -> PathBuf {
    let this = std::env::current_exe().expect("a test knows its own file");
    let profile = this.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps");
    let target = profile.parent().expect("a profile lies in a target folder");
    let mut cargo = cargo(&["build", "--workspace", "--bins", "--tests"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.env("CARGO_TARGET_DIR", target).output().expect("cargo runs");
    assert!(built.status.success(), "the server does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    profile.join("fluxora-server")
}
