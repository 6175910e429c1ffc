//! What a parser says of a text of the configuration.

/// A parser's words without the lines of the file that it repeats: there are secrets among them.
pub fn without_lines(error: &str) -> String {
    let is_repeated = |line: &&str| {
        let rest = line.trim_start().trim_start_matches(|char: char| char.is_ascii_digit());
        !rest.trim_start().starts_with('|')
    };
    error.lines().filter(is_repeated).collect::<Vec<_>>().join(" ")
}
