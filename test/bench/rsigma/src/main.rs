//! Runs the rsigma engine on the events of `test/bench/sigma generate` and prints
//! what `test/bench/sigma run` prints. Needs a nightly compiler: rsigma 0.26 wants
//! Rust 1.96.

use std::hint::black_box;
use std::path::Path;

use rsigma_eval::{Engine, JsonEvent};
use rsigma_parser::{LogSource, SigmaCollection, parse_sigma_yaml};
use serde_json::Value;

#[global_allocator]
static ALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Record {
    logsource: LogSource,
    json: String,
    value: Value,
}

fn usage() -> libc::rusage {
    let mut u: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut u) };
    u
}

fn cpu() -> f64 {
    let u = usage();
    let s = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    s(u.ru_utime) + s(u.ru_stime)
}

fn files(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for p in entries {
        if p.is_dir() {
            files(&p, out);
        } else if p.extension().is_some_and(|e| e == "yml" || e == "yaml") {
            out.push(p);
        }
    }
}

/// Rules whose placeholders nobody resolves are left out, as the other engine
/// rejects them.
fn load(dir: &str) -> Engine {
    let mut paths = Vec::new();
    files(Path::new(dir), &mut paths);
    let mut all = SigmaCollection::default();
    for p in paths {
        let text = std::fs::read_to_string(&p).unwrap();
        if text.contains("|expand") {
            continue;
        }
        if let Ok(c) = parse_sigma_yaml(&text) {
            all.rules.extend(c.rules);
        }
    }
    let mut engine = Engine::new();
    engine.add_collection(&all).unwrap();
    engine
}

fn part(s: &str) -> Option<String> {
    if s.is_empty() { None } else { Some(s.to_string()) }
}

fn records(name: &str) -> Vec<Record> {
    std::fs::read_to_string(name)
        .unwrap()
        .lines()
        .map(|line| {
            let mut p = line.splitn(4, '\t');
            let (product, category, service) = (p.next().unwrap(), p.next().unwrap(), p.next().unwrap());
            let json = p.next().unwrap().to_string();
            let value = serde_json::from_str(&json).unwrap();
            let logsource = LogSource { product: part(product), category: part(category), service: part(service), ..Default::default() };
            Record { logsource, json, value }
        })
        .collect()
}

fn pass(engine: &Engine, list: &[Record], mode: &str) -> usize {
    let mut hits = 0;
    for r in list {
        let parsed;
        let value = if mode == "bytes" {
            parsed = serde_json::from_str::<Value>(&r.json).unwrap();
            &parsed
        } else {
            &r.value
        };
        let event = JsonEvent::borrow(value);
        let results = if mode == "all" {
            engine.evaluate(&event)
        } else {
            engine.evaluate_with_logsource(&event, &r.logsource)
        };
        hits += black_box(results).len();
    }
    hits
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let flag = |name: &str| {
        let i = args.iter().position(|a| a == name).unwrap_or_else(|| panic!("flag {name} is needed"));
        args[i + 1].clone()
    };
    let (rules, events, mode) = (flag("-rules"), flag("-events"), flag("-mode"));
    let list = records(&events);
    let start = cpu();
    let engine = load(&rules);
    let load_seconds = cpu() - start;
    pass(&engine, &list[..list.len().min(5000)], &mode);
    let start = cpu();
    let hits = pass(&engine, &list, &mode);
    let seconds = cpu() - start;
    println!(
        "{}",
        serde_json::json!({
            "engine": "rsigma", "rules": engine.rule_count(), "events": list.len(), "hits": hits,
            "load_seconds": load_seconds, "cpu_seconds": seconds,
            "events_per_cpu_second": list.len() as f64 / seconds,
            "peak_mib": usage().ru_maxrss as f64 / 1024.0,
        })
    );
}
