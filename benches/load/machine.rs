//! The machine, printed beside every figure: without it they say nothing.

use std::fs;

/// Prints what the figures were taken on.
pub(crate) fn print() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("machine:      {cores} cores,{}, Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim());
}

/// User and system time of this process so far, in seconds.
pub(crate) fn own_cpu_s() -> f64 {
    cpu_s("self")
}

/// User and system time of a process so far, in seconds.
pub(crate) fn cpu_s(process: &str) -> f64 {
    /// Source: `proc_pid_stat(5)`; `USER_HZ` is 100 on every Linux of ours.
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let behind_name = stat.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = behind_name.split(' ').collect();
    let ticks: f64 = [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / TICKS_PER_S
}
