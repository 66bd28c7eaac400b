//! Ctrl-C and SIGTERM: the run stops at the next safe place; a second signal stops it at once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

static STOPPED: AtomicBool = AtomicBool::new(false);
static SIGNAL: AtomicU8 = AtomicU8::new(2);

/// Set once the program was told to stop.
pub fn flag() -> &'static AtomicBool {
    &STOPPED
}

/// The signal that stopped the program: 2 for Ctrl-C, 15 for SIGTERM.
pub fn signal() -> u8 {
    SIGNAL.load(Ordering::Relaxed)
}

/// Begins to listen. Without a runtime for it (no threads left) signals keep their default effect.
pub fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let _listener = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let number = next_signal().await;
                SIGNAL.store(number, Ordering::Relaxed);
                if STOPPED.swap(true, Ordering::Relaxed) {
                    // Publishing survives a kill at any instant, so leaving at once is safe.
                    std::process::exit(128 + i32::from(number));
                }
            }
        });
    });
}

#[cfg(unix)]
async fn next_signal() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return 2;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => 2,
        _ = terminate.recv() => 15,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> u8 {
    let _ = tokio::signal::ctrl_c().await;
    2
}
