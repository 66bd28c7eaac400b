//! How YAML is laid out.

#![expect(clippy::unwrap_used, reason = "tests")]

use abmart_fmt::format;
use abmart_spec::Document;
use rstest::rstest;

#[rstest]
#[case::spaces_and_indentation(
    "job:   a   \ntables:\n      x:   {for_each :  run,key: [ a ,b ]}\n      y:\n          key:\n          - a\n          -   b\n\n\n\n",
    "job: a\n\ntables:\n  x: {for_each: run, key: [a, b]}\n  y:\n    key:\n      - a\n      - b\n"
)]
#[case::long_definitions_are_apart(
    "facts:\n  a:\n    per: x\n    from: y\n    state: true\n    measures:\n      b: b\n  # The other one.\n  c: {per: x}\nkpis: {}\n",
    "facts:\n\n  a:\n    per: x\n    from: y\n    state: true\n    measures:\n      b: b\n\n  # The other one.\n  c: {per: x}\n\nkpis: {}\n"
)]
#[case::short_definitions_stay_together(
    "entities:\n\n  a:\n    key: a_id\n  b: {key: b_id}\n",
    "entities:\n  a:\n    key: a_id\n  b: {key: b_id}\n"
)]
#[case::one_blank_line_at_most("a:\n  b: 1\n\n\n\n  c: 2\n\n  d: 3\n", "a:\n  b: 1\n\n  c: 2\n\n  d: 3\n")]
#[case::comments_keep_their_place(
    "# head\n\n# of a\na:     # behind a\n      # above b\n  b: 1# no comment\n  c:   # of the value\n    2\n  d: [1,   # one\n    2] # two\n  # at the end\n\n# last",
    "# head\n\n# of a\na:  # behind a\n  # above b\n  b: 1# no comment\n  c: 2  # of the value\n  d:\n    - 1  # one\n    - 2  # two\n  # at the end\n\n# last\n"
)]
#[case::a_comment_goes_with_what_follows(
    "a:\n  b: 1\n    # of c\n  c: 2\n  # of d\nd: 3\n",
    "a:\n  b: 1\n  # of c\n  c: 2\n\n# of d\nd: 3\n"
)]
#[case::comments_below_each_other_are_aligned(
    "a:\n  b: 1 # x\n  long: 100 # y\n  c: 2\n  d: 3     # z\n",
    "a:\n  b: 1       # x\n  long: 100  # y\n  c: 2\n  d: 3  # z\n"
)]
#[case::rows_stand_in_columns(
    "rows:\n- [page_view, 1, touch]\n- [a, 100, null]\n# between\n- ['b, c', -1, x]\n",
    "rows:\n  - [page_view, 1,   touch]\n  - [a,         100, null]\n  # between\n  - ['b, c',    -1,  x]\n"
)]
#[case::rows_of_different_lengths_do_not("rows:\n  - [aaa,  1]\n  - [a]\n", "rows:\n  - [aaa, 1]\n  - [a]\n")]
#[case::quotes_stay("a: \"x\"\nb: 'y: z'\nc: '1'\n", "a: \"x\"\nb: 'y: z'\nc: '1'\n")]
#[case::text_keeps_its_lines(
    "a: one\n     two\n\n     three\nb: \"one\n two\\\n   \\ three\"\nc: |\n     x\n       y\n\n     z\nd: >2-\n    x\n  y\ne: |+\n  x\n\n\nf: 1\n",
    "a: one\n  two\n\n  three\n\nb: \"one\n  two\\\n  \\ three\"\n\nc: |\n  x\n    y\n\n  z\n\nd: >2-\n    x\n  y\n\ne: |+\n  x\n\n\nf: 1\n"
)]
#[case::anchors_and_aliases(
    "a:  &x\n    b: 1\nc:   *x\nd: &y   [1,2]\ne:\n    <<:   *x\n    f: !t   1\n",
    "a: &x\n  b: 1\n\nc: *x\nd: &y [1, 2]\n\ne:\n  <<: *x\n  f: !t 1\n"
)]
#[case::lists_of_maps(
    "a:\n-   b: 1\n    c: 2\n-\n    d: 3\n- - e\n  - f\n- # of g\n  g: 4\n",
    "a:\n  - b: 1\n    c: 2\n  - d: 3\n  - - e\n    - f\n  # of g\n  - g: 4\n"
)]
#[case::nothing("", "")]
#[case::nothing_but_comments("   # a\n\n\n\n# b", "# a\n\n# b\n")]
#[case::empty_values("a:\nb:   ~\nc: {d: , e: }\n", "a:\nb: ~\nc: {d:, e:}\n")]
#[case::line_ends_of_windows("a:  1\r\nb: |\r\n  x\r\n  y\r\n", "a: 1\n\nb: |\n  x\n  y\n")]
#[case::begin_of_a_document("---\na:  1\n", "---\na: 1\n")]
#[case::over_several_lines("a: {b: 1,\n    c: [2,\n  3]}\n", "a: {b: 1, c: [2, 3]}\n")]
#[case::emoji_and_accents("é:   {à: 'ü'}  # ñ\n", "é: {à: 'ü'}  # ñ\n")]
fn is_laid_out(#[case] before: &str, #[case] after: &str) {
    let formatted = format(before, Document::Job).unwrap();
    assert_eq!(formatted, after);
    assert_eq!(format(after, Document::Job).unwrap(), after, "again");
}

#[test]
fn a_long_map_is_broken_where_its_lines_then_fit() {
    let map = |length: usize| format!("title: {{en: {}, fr: court}}\n", "x".repeat(length));
    assert_eq!(format(&map(60), Document::Job).unwrap(), map(60));
    assert_eq!(format(&map(100), Document::Job).unwrap(), format!("title:\n  en: {}\n  fr: court\n", "x".repeat(100)));
    assert_eq!(format(&map(130), Document::Job).unwrap(), map(130), "breaking it would not help");
}

#[test]
fn long_maps_below_each_other_are_a_table() {
    let row = |name: &str| format!("  {name}: {{description: {}, unit: money}}\n", "x".repeat(90));
    let table = format!("columns:\n{}{}{}", row("a"), row("b"), row("c"));
    assert_eq!(format(&table, Document::Job).unwrap(), table);
}

#[rstest]
#[case::no_yaml("a: [1, 2\nb: 3\n", "yaml-syntax", "YAML syntax: illegal placement of ':' indicator", Some(10))]
#[case::two_documents("a: 1\n---\nb: 2\n", "yaml-syntax", "YAML syntax: multiple YAML documents detected", Some(9))]
fn what_is_no_yaml_is_an_error_with_its_place(
    #[case] text: &str,
    #[case] code: &str,
    #[case] message: &str,
    #[case] start: Option<usize>,
) {
    let error = format(text, Document::Job).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!((error.0.code, error.0.span.map(|span| span.start)), (code, start));
}
