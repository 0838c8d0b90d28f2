#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| local::fuzzing::body("forget-pwd-sms-code", data));
