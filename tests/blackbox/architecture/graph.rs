use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::table::{GUESTS, HOUSES, House, Testers};
use crate::binary;

/// A dependency that a manifest names.
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: DependencyKind,
}

/// What cargo knows of the project on this machine, without asking the network.
pub(super) fn metadata() -> Metadata {
    let about = binary::this_cargo().arg("-vV").output().expect("cargo runs").stdout;
    let about = String::from_utf8(about).expect("cargo writes UTF-8");
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let mut cargo = binary::cargo(&["metadata", "--format-version", "1", "--filter-platform", host]);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    MetadataCommand::parse(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

pub(super) fn house(name: &str) -> Option<&'static House> {
    HOUSES.iter().find(|house| house.name == name)
}

/// Every dependency of every member, optional ones included.
pub(super) fn edges(metadata: &Metadata) -> Vec<Edge> {
    let edges = |package: &Package| {
        let from = package.name.to_string();
        let edge = move |to: &cargo_metadata::Dependency| Edge {
            from: from.clone(),
            to: to.name.clone(),
            kind: to.kind,
        };
        package.dependencies.iter().map(edge).collect::<Vec<_>>()
    };
    metadata.workspace_packages().into_iter().flat_map(edges).collect()
}

/// What is wrong with these dependencies: one line for each that the table does not allow.
pub(super) fn broken(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(fault).collect()
}

fn fault(Edge { from, to, kind }: &Edge) -> Option<String> {
    let Some(house) = house(from) else { return Some(format!("{from} is not in the table of the design")) };
    let for_tests = *kind == DependencyKind::Development;
    if HOUSES.iter().any(|house| house.name == to) {
        let itself = for_tests && from == to;
        let allowed = itself || house.may_use.contains(&to.as_str());
        return (!allowed).then(|| format!("{from} must not use {to}: it may use {:?}", house.may_use));
    }
    let guest = GUESTS.iter().find(|guest| guest.name == to)?;
    let tester = for_tests
        && match guest.testers {
            Testers::All => true,
            Testers::These(testers) => testers.contains(&from.as_str()),
        };
    let allowed = tester || guest.users.contains(&from.as_str());
    (!allowed).then(|| format!("{from} must not use {to} ({kind}): only {:?} may", guest.users))
}

/// What is wrong with what each member reaches when it is used: one line for each way that leads to a forbidden crate.
pub(super) fn forbidden_reached(metadata: &Metadata) -> Vec<String> {
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let resolve = metadata.resolve.as_ref().expect("cargo resolves");
    let uses: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let used = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            (names[&node.id], used.map(|dep| names[&dep.pkg]).collect())
        })
        .collect();
    let reached = |package: &Package| reach(package.name.as_str(), &uses);
    metadata.workspace_packages().into_iter().flat_map(reached).collect()
}

/// Follows `uses` from a member of the house to everything its table row forbids.
pub(super) fn reach(from: &str, uses: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let never = house(from).map_or(&[][..], |house| house.never);
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    let mut ways = vec![vec![from]];
    while let Some(way) = ways.pop() {
        let Some(&last) = way.last() else { continue };
        if !seen.insert(last) {
            continue;
        }
        if never.contains(&last) {
            faults.push(format!("{from} must not reach {last}: {}", way.join(" -> ")));
        }
        for next in uses.get(last).into_iter().flatten() {
            ways.push(way.iter().chain([next]).copied().collect());
        }
    }
    faults
}
