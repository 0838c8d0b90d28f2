//! A small run of the fuzz targets: each seed and many mutations of it, the same ones in every run. `.ci/run` runs the
//! targets themselves, guided by coverage. ASVS 1.5.2, 2.2.1.

use std::path::{Path, PathBuf};

use local::fuzzing::TARGETS;

/// The number of mutations of each seed.
const CHANGES: usize = 1500;
/// Byte sequences that break parsers. They are inserted at random places.
const BITS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\\ud800",
    b"\\u202e",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\"password\":1,",
    "１３８".as_bytes(),
    "\u{fdfa}".as_bytes(),
];

/// A small generator (Marsaglia's xorshift64) that makes the same mutations in every run.
struct Changes(u64);

impl Changes {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn change(&mut self, data: &mut Vec<u8>) {
        let (at, len) = (self.below(data.len() + 1), data.len());
        match self.below(6) {
            0 => drop(data.splice(at..at, BITS[self.below(BITS.len())].iter().copied())),
            1 if at < len => data[at] ^= 1 << self.below(8),
            2 => drop(data.drain(at..(at + self.below(16)).min(len))),
            3 => data.truncate(at),
            4 => {
                let again: Vec<u8> = data[at..(at + self.below(32)).min(len)].to_vec();
                let times = self.below(200);
                drop(data.splice(at..at, std::iter::repeat_n(again, times).flatten()));
            }
            _ => drop(data.splice(at..at, std::iter::repeat_n(b"[{\"a\":"[self.below(6)], self.below(300)))),
        }
    }
}

fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn no_input_makes_a_parser_panic_or_answer_out_of_turn() {
    for (name, run) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seed");
        for seed in seeds {
            let seed = std::fs::read(seed).unwrap();
            run(&seed);
            let mut changes = Changes(0x9e37_79b9_7f4a_7c15);
            // An event goes to every function, so fewer mutations make as many requests.
            for _ in 0..if *name == "event" { CHANGES / 20 } else { CHANGES } {
                let mut data = seed.clone();
                for _ in 0..=changes.below(4) {
                    changes.change(&mut data);
                }
                run(&data);
            }
        }
    }
}

#[test]
fn every_target_has_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut targets: Vec<_> = TARGETS.iter().map(|(name, _)| format!("{}.rs", name.replace('-', "_"))).collect();
    files.sort();
    targets.sort();
    assert_eq!(files, targets);
}
