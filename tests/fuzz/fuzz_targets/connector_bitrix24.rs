//! Any bytes as what `bitrix24` sends; seeds are the payloads under `tests/payloads`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapport_fuzz::connector::check;

fuzz_target!(|input: &[u8]| check("bitrix24", input));
