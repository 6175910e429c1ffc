//! Any text as a cursor, any question and place: what we wrote is read as it was, and nothing else is read at all.
//!
//! Four numbers of eight bytes, two bytes for a change, and a text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rapport::api::schema::cursor;
use rapport::metrics::records::Place;
use rapport_fuzz::seal;

fuzz_target!(|input: &[u8]| {
    let Some((numbers, [at, change, text @ ..])) = input.split_first_chunk::<32>() else { return };
    let text = String::from_utf8_lossy(text);
    let (now, place) = place(numbers);
    let seal = seal();
    assert!(cursor::read(&seal, &text).is_err(), "not written by us: {text}");

    let written = cursor::write(&seal, &text, now, place);
    let read = cursor::read(&seal, &written).expect("a cursor of ours");
    assert_eq!((read.now, read.place), (now, place));
    assert!(read.check(&seal, &text).is_ok(), "its own question");
    assert!(read.check(&seal, &format!("{text}.")).is_err(), "another question");

    let at = usize::from(*at) % written.len();
    let mut changed = written.clone().into_bytes();
    changed[at] ^= change.max(&1);
    let changed = String::from_utf8_lossy(&changed).into_owned();
    for wrong in [
        changed,
        format!("{written}{text}="),
        format!("{text}."),
        written[..at].to_owned(),
        format!("{}{written}", char::from(change % 128)),
    ] {
        assert!(cursor::read(&seal, &wrong).is_err(), "{wrong} is read although {written} was written");
    }
});

fn place(numbers: &[u8; 32]) -> (i64, Place) {
    let mut chunks = numbers.chunks_exact(8).map(|bytes| i64::from_be_bytes(bytes.try_into().expect("eight bytes")));
    let mut next = || chunks.next().expect("four numbers");
    (next(), Place([next(), next(), next()]))
}
