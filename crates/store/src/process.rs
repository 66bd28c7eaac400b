//! Which process this is, so that another one on the same machine can tell whether it still lives.

use serde::{Deserialize, Serialize};

/// A process, named so that no later one is taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The machine's name, for people.
    pub host: String,
    /// The process's number.
    pub pid: u32,
    /// The start of the machine that it runs on; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot: Option<String>,
    /// The space in which its number counts: containers of one machine have spaces of their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid_space: Option<String>,
    /// When it was started, in ticks since the machine's start: numbers are used again, such moments are not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started: Option<u64>,
}

impl Process {
    /// The process that asks.
    pub(crate) fn this() -> Self {
        let pid = std::process::id();
        Self { host: host(), pid, boot: boot(), pid_space: pid_space(), started: running(pid) }
    }

    /// Whether the process is certainly dead: it ran on this machine since its last start, in this space of numbers,
    /// and its number is free or another's by now. Of any other process nothing is known.
    pub(crate) fn is_surely_dead(&self) -> bool {
        let comparable = self.boot.is_some() && self.pid_space.is_some() && self.started.is_some();
        comparable && self.boot == boot() && self.pid_space == pid_space() && running(self.pid) != self.started
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map_or_else(|| "an unnamed host".to_owned(), |name| name.trim().to_owned())
}

fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

fn pid_space() -> Option<String> {
    std::fs::read_link("/proc/self/ns/pid").ok().map(|link| link.to_string_lossy().into_owned())
}

/// When the process with this number was started; `None` when there is none, or only what is left of one.
fn running(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything, so fields are counted from its end.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn this_process_lives() {
        assert!(!Process::this().is_surely_dead());
    }

    #[test]
    fn a_child_is_dead_once_it_has_ended_even_before_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process { pid: child.id(), started: running(child.id()), ..Process::this() };
        assert!(!process.is_surely_dead());
        child.kill().unwrap();
        while running(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(process.is_surely_dead());
        child.wait().unwrap();
        assert!(process.is_surely_dead());
    }

    #[test]
    fn a_later_process_with_the_same_number_is_not_taken_for_it() {
        let this = Process::this();
        assert!(Process { started: this.started.map(|ticks| ticks - 1), ..this }.is_surely_dead());
    }

    #[test]
    fn of_a_process_elsewhere_nothing_is_known() {
        let gone = Process { pid: u32::MAX, ..Process::this() };
        assert!(gone.is_surely_dead());
        assert!(!Process { boot: Some("another start".to_owned()), ..gone.clone() }.is_surely_dead());
        assert!(!Process { pid_space: Some("pid:[1]".to_owned()), ..gone.clone() }.is_surely_dead());
        assert!(!Process { started: None, ..gone }.is_surely_dead());
    }
}
